import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { createClient, type PigeonholeClient, PigeonholeError } from "../src/client/index.ts";
import { systemClock } from "../src/server/clock.ts";
import { defineAgent, type ServeOptions, serve } from "../src/server/index.ts";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import { makeToken } from "../src/server/token-service.ts";

/** Who calls in these tests: two clients, an agent and an admin. */
export const people = { alice: "client", bob: "client", worker: "agent", ops: "admin" } as const;
export type Person = keyof typeof people;

/** A server that asks for authentication, and people who have its tokens. */
export interface AuthRig extends AsyncDisposable {
  url: string;
  /** Where the gRPC door is. */
  grpcUrl: string;
  metricsPort: number | undefined;
  /** Has the server read the files of TLS again. */
  reloadFiles(): Promise<void>;
  tokens: Record<Person, string>;
  /** The ids of these. */
  tokenIds: Record<Person, string>;
  /** The client of each. */
  as: Record<Person, PigeonholeClient>;
  /** A client that shows a token, or none. */
  with(token?: string): PigeonholeClient;
}

/** An agent that makes a child when it is told so, and otherwise repeats what it is told. */
const clerk = defineAgent({
  name: "clerk",
  schedules: { nightly: { cron: "0 3 * * *" } },
  webhooks: {
    door: { verify: () => ({ deliveryId: "" }), route: () => ({ task: "from-outside", content: "knock" }) },
  },
  async onTaskEventSend(ctx, event) {
    if (event.text === "child") await ctx.tasks.create({ agent: "clerk", name: "sub" });
    else if (event.text === "whose") await ctx.messages.send(ctx.task.owner);
    else await ctx.messages.send(event.parts);
  },
});

/** Starts it, on a store in which the first tokens were laid before it began. */
export async function startAuthRig(options: Partial<ServeOptions> = {}): Promise<AuthRig> {
  const dir = mkdtempSync(join(tmpdir(), "pigeonhole-"));
  const path = join(dir, "store.db");
  const tokens: Record<string, string> = {};
  const tokenIds: Record<string, string> = {};
  const store = await openSqliteStore(path);
  for (const [principal, role] of Object.entries(people)) {
    const made = await makeToken(store, options.clock ?? systemClock, { principal, role, description: "" });
    tokens[principal] = made.secret;
    tokenIds[principal] = made.token.id;
  }
  await store.close();
  const log = { info() {}, warn() {}, error() {} };
  const server = await serve({
    ...{ agents: [clerk], store: `sqlite:${path}`, port: 0, drain: 0, log, auth: {} },
    webhooks: { allowPrivateAddresses: true },
    ...options,
  });
  const clientWith = (token = "") => createClient({ baseUrl: server.url, token, retry: { maxAttempts: 1 } });
  const each = <T>(make: (person: Person) => T) => ({
    alice: make("alice"),
    bob: make("bob"),
    worker: make("worker"),
    ops: make("ops"),
  });
  return {
    url: server.url,
    grpcUrl: server.grpcUrl ?? "",
    metricsPort: server.metricsPort,
    reloadFiles: server.reloadFiles,
    tokens: each((person) => tokens[person] ?? ""),
    tokenIds: each((person) => tokenIds[person] ?? ""),
    as: each((person) => clientWith(tokens[person])),
    with: clientWith,
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** Gives the reason that a call fails with, or `ok`. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (error) {
    expect(error).toBeInstanceOf(PigeonholeError);
    return error instanceof PigeonholeError ? error.reason : "?";
  }
}

/** Reads a list to its end. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}
