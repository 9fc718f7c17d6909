import { type Logger, type ServeOptions, type Server, serve } from "../src/server/index.ts";
import { createDesk, type Desk } from "./service-agent.ts";

/** A server with two agents, the desk of which it has a hold, and another whose tasks fail with their events, on a port of its own. */
export interface TestServer extends Server, AsyncDisposable {
  desk: Desk;
  /** The errors in its log, other than those of handlers that were told to fail. */
  defects: unknown[];
}

/** Starts a server on a store that is gone with it, unless the options say other. */
export async function startServer(options: Partial<ServeOptions> = {}): Promise<TestServer> {
  const desk = createDesk();
  const defects: unknown[] = [];
  const log: Logger = {
    info: () => {},
    warn: () => {},
    error(message, fields) {
      if (message !== "a handler failed") defects.push({ message, ...fields });
    },
  };
  const retry = { maxAttempts: 2, initialBackoff: 1, maxBackoff: 2, onExhausted: "fail" } as const;
  const agents = [desk.agent, createDesk("other", { retry }).agent];
  const server = await serve({ agents, store: "memory:", port: 0, grpcPort: 0, log, ...options });
  return { ...server, desk, defects, [Symbol.asyncDispose]: () => server.close() };
}
