import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import { errorOf } from "./store-contract/scene.ts";
import { openStore, tempDir } from "./temp-dir.ts";

describe("an SQLite store among processes", { timeout: 30_000 }, () => {
  const inUse = /another server is using the database .*; one file serves one server/;

  it("serves a file in one process, until that ends, however it ends", async () => {
    const path = join(tempDir(), "store.db");
    const first = startChild(path, `console.log("open"); setInterval(() => {}, 1000);`);
    await first.line(/^open$/);
    expect((await errorOf(openSqliteStore(path))).message).toMatch(inUse);
    await first.kill();
    await openStore(path);
    const second = startChild(path, `console.log("open");`);
    await second.ended;
    expect(second.lines).toEqual([]);
    expect(second.errors()).toMatch(inUse);
  });

  it("has all that was acknowledged by a process that was killed, in its order and without a gap", async () => {
    const path = join(tempDir(), "store.db");
    const child = startChild(
      path,
      `await store.createTask({ taskId: "t", agent: "a", labels: {}, now: 1 });
      for (let wave = 0; ; wave++) {
        await Promise.all(Array.from({ length: 7 }, async (_, n) => {
          const event = { id: wave + "-" + n, content: new Uint8Array(100) };
          const sent = await store.sendEvent({ taskId: "t", event, now: 1 });
          console.log(sent.event.sequence + " " + event.id);
        }));
      }`,
    );
    await child.line(/ 10-0$/);
    await child.kill();
    const acknowledged = child.lines.filter((line) => /^\d+ \d+-\d$/.test(line));
    expect(acknowledged.length).toBeGreaterThan(70);

    const store = await openStore(path);
    const all = { states: [], afterSequence: 0, limit: 1e6, maxBytes: 1e9 };
    const { items } = await store.listEvents({ taskId: "t", ...all });
    expect(items.map(({ sequence, id }) => `${sequence} ${id}`)).toEqual(
      expect.arrayContaining(acknowledged),
    );
    expect(items.map(({ sequence }) => sequence)).toEqual(items.map((_, n) => n + 2));
  });
});

/** Runs code in a process of its own, with a `store` on the file. */
function startChild(path: string, code: string) {
  const module = new URL("../src/server/store/sqlite/sqlite-store.ts", import.meta.url).href;
  const program = `import { openSqliteStore } from ${JSON.stringify(module)};
    const store = await openSqliteStore(${JSON.stringify(path)});
    ${code}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "close");
  const lines: string[] = [];
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const output = createInterface(child.stdout).on("line", (line) => lines.push(line));
  const endedEarly = ended.then(() => Promise.reject(new Error(`the child has ended: ${errors}`)));
  endedEarly.catch(() => undefined);
  return {
    lines,
    errors: () => errors,
    /** Resolves when the process is gone and its output read. */
    ended,
    /** Waits until it has written such a line. */
    async line(wanted: RegExp) {
      while (!lines.some((line) => wanted.test(line))) await Promise.race([once(output, "line"), endedEarly]);
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
