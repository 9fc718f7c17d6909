import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startChild } from "./child.ts";
import type { Usage, UsageQuestion } from "./usage.ts";

/** A server in a process of its own. Disposing of it ends the process. */
export interface ChildServer {
  url: string;
  /** Where the same process serves EmptyService, if it does. */
  emptyUrl: string;
  /** Where the same process has its gRPC door, if it has one. */
  grpcUrl: string;
  /** Where the same process serves EmptyService at a gRPC door, if it does. */
  emptyGrpcUrl: string;
  /** Tells what the process uses. */
  usage(question?: UsageQuestion): Promise<Usage>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a file of this folder as a server. Resolves once it has printed its URL. */
export async function startServer(file: string, args: readonly string[] = []): Promise<ChildServer> {
  const child = startChild(process.execPath, ["--expose-gc", join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [url = "", emptyUrl = "", grpcUrl = "", emptyGrpcUrl = ""] = await urls(child);
  return {
    url,
    emptyUrl,
    grpcUrl,
    emptyGrpcUrl,
    async usage(question = "usage") {
      child.send(question);
      const [answer] = (await once(child, "message")) as [Usage];
      return answer;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const patience = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await exited;
      clearTimeout(patience);
    },
  };
}

/** Waits for the line that tells where a server listens. */
async function urls(child: ChildProcess): Promise<string[]> {
  if (!child.stdout) throw new Error("the server has no output");
  for await (const line of createInterface(child.stdout)) {
    const found = line.match(/http:\/\/\S+/g);
    if (!found) continue;
    child.stdout.resume();
    return found;
  }
  throw new Error(`the server ended before it listened, with ${child.exitCode ?? child.signalCode}`);
}
