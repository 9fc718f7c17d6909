import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "../../../src/client/index.ts";
import { EventWait } from "../../../src/proto.ts";
import type { Vitals } from "./server.ts";
import type { Source } from "./values.ts";

/** What stands beside the console's files, and must never be told. */
export const secretFile = "pigeonhole-fuzz-secret";

/** A server in a process of its own. */
export interface FuzzedServer extends AsyncDisposable {
  port: number;
  /** That of its gRPC door. */
  grpcPort: number;
  url: string;
  /** Makes things that a request may name, and tells how. */
  furnish(): Promise<Source["known"]>;
  /** How much time of a processor it has taken since it was started, in ms. */
  spent(): number;
  /** Checks that it lives, answers correctly and in time, has found no defect, and is as large and as clean as it should be. */
  check(): Promise<Vitals & { peak: number }>;
}

/** How large the process may become, in bytes, at its peak. */
const mostMemory = 800 * 1024 * 1024;
/** In what the kernel counts the time that a process takes, in ms. */
const tick = 10;
/** How long a valid call may take, on a busy machine, in ms. */
const slowest = 20_000;

export async function startFuzzedServer(): Promise<FuzzedServer> {
  const folder = mkdtempSync(join(tmpdir(), "pigeonhole-fuzz-"));
  const site = join(folder, "console");
  mkdirSync(join(site, "assets"), { recursive: true });
  writeFileSync(join(site, "index.html"), "<!doctype html><title>console</title>");
  writeFileSync(join(site, "assets", "a.js"), "export {};");
  for (const path of [join(folder, "secret.js"), join(site, ".hidden")]) writeFileSync(path, secretFile);
  const child = fork(
    fileURLToPath(new URL("server.ts", import.meta.url)),
    [`sqlite:${join(folder, "db")}`, site],
    {
      execArgv: ["--conditions=pigeonhole-source", "--expose-gc"],
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    },
  );
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
  });
  let ended: string | undefined;
  const exited = once(child, "exit").then(([code, signal]) => {
    ended = `the server ended with ${code ?? signal}: ${log.slice(-5000)}`;
  });
  const told = async () => {
    const [message] = await Promise.race([once(child, "message"), exited.then(() => [undefined])]);
    if (ended !== undefined) throw new Error(ended);
    return message;
  };
  const ready: { port: number; grpcPort: number } = await told();
  const url = `http://127.0.0.1:${ready.port}`;
  return {
    port: ready.port,
    grpcPort: ready.grpcPort,
    url,
    furnish: () => furnish(url),
    spent() {
      const [, times = ""] =
        /\) \S+(?: \S+){10} (\d+ \d+)/.exec(readFileSync(`/proc/${child.pid}/stat`, "utf8")) ?? [];
      const [user = 0, system = 0] = times.split(" ").map(Number);
      return (user + system) * tick;
    },
    async check() {
      if (ended !== undefined) throw new Error(ended);
      await withinTime(tryOut(url));
      const answer = told();
      child.send("vitals");
      const vitals: Vitals = await answer;
      const peak =
        1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]);
      const wrong = log.split("\n").filter((line) => !/^$|"level":"(info|warn)"/.test(line));
      log = "";
      if (wrong.length > 0) throw new Error(`the log: ${wrong.join("\n").slice(0, 5000)}`);
      if (vitals.polluted.length > 0) throw new Error(`polluted: ${vitals.polluted.join()}`);
      if (peak > mostMemory) throw new Error(`${peak} bytes of memory`);
      return { ...vitals, peak };
    },
    async [Symbol.asyncDispose]() {
      if (ended === undefined) child.send("stop");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

async function withinTime(work: Promise<void>): Promise<void> {
  const begin = performance.now();
  await work;
  const taken = performance.now() - begin;
  if (taken > slowest) throw new Error(`valid calls took ${Math.round(taken)} ms`);
}

/** Makes a task, sends it an event, waits for it and reads what came of it. */
async function tryOut(url: string): Promise<void> {
  const { tasks } = createClient({ baseUrl: url });
  const { task } = await tasks.create({ agent: "parrot" });
  await tasks.send(task.id, "are you there?", { wait: EventWait.PROCESSED });
  const said = (await Array.fromAsync(tasks.messages(task.id))).at(-1)?.parts[0]?.content;
  if (said?.value !== "are you there?") throw new Error(`the answer is ${JSON.stringify(said)}`);
}

/** Makes things of every kind, and gives what they are named by, for each field that names one. */
async function furnish(url: string): Promise<Map<string, string[]>> {
  const { tasks, webhooks, schedules } = createClient({ baseUrl: url });
  const make = async () =>
    (await tasks.create({ agent: "parrot", params: { a: 1 }, event: "hello" })).task.id;
  const ids = await Promise.all([make(), make(), make()]);
  const [asked = ""] = ids;
  await tasks.send(asked, "ask", { wait: EventWait.PROCESSED });
  await tasks.send(asked, "later", { deliverTime: new Date(Date.now() + 86_400_000) });
  const { question } = await tasks.get(asked);
  const events = await Array.fromAsync(tasks.events(asked));
  // Several, because some of the requests delete them. One webhook is of every task.
  const address = "https://8.8.8.8/";
  const posts = await Promise.all([
    webhooks.create({ agent: "parrot", url: address }),
    ...Array.from({ length: 4 }, () => webhooks.create({ taskId: asked, url: address })),
  ]);
  const names = Array.from({ length: 5 }, (_, index) => `s${index}-${asked}`);
  await Promise.all(names.map((name) => schedules.create({ name, agent: "parrot", cron: "0 0 1 1 *" })));
  return new Map([
    ["task_id", ids],
    ["parent_task_id", ids],
    ["id", ids],
    ["event_id", events.map(({ id }) => id)],
    ["answers", [question?.id ?? ""]],
    ["webhook_id", posts.map(({ webhook }) => webhook.id)],
    ["agent", ["parrot"]],
    ["name", [...names, "named", "parrot"]],
    ["page_token", [""]],
    ["cron", ["0 0 1 1 *", "*/5 * * * *"]],
    ["time_zone", ["UTC", "Europe/Berlin"]],
    ["url", ["https://a.example/", "https://8.8.8.8/"]],
  ]);
}
