import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createScene } from "./store-contract/scene.ts";
import { openStore, tempDir } from "./temp-dir.ts";

describe("an SQLite store's commits", { timeout: 30_000 }, () => {
  it("take in many sends at once, and one that is alone at once", async () => {
    const path = join(tempDir(), "store.db");
    const { create, send } = createScene(await openStore(path));
    await create();
    const before = countCommits(`${path}-wal`);
    await send("alone");
    expect(countCommits(`${path}-wal`)).toBe(before + 1);
    await Promise.all(Array.from({ length: 1000 }, (_, n) => send(`e${n}`)));
    expect(countCommits(`${path}-wal`) - before).toBeLessThan(20);
  });

  it("hold up neither the event loop nor reads when the disk is slow", async () => {
    const path = join(tempDir(), "store.db");
    const { create, send, task } = createScene(await openStore(path));
    await create();
    // Stands for the slow disk: while another connection has the write lock, the store's has to wait.
    const slow = new DatabaseSync(path);
    slow.exec("begin immediate");
    let acknowledged = 0;
    const sends = Array.from({ length: 1000 }, async (_, n) => {
      await send(`e${n}`);
      acknowledged += 1;
    });
    for (let n = 0; n < 100; n++) await setImmediate();
    expect(await task()).toMatchObject({ pendingEvents: 0 });
    expect(acknowledged).toBe(0);
    slow.close();
    await Promise.all(sends);
    expect(await task()).toMatchObject({ pendingEvents: 1000 });
  });

  it("go on without a call whose arguments cannot be sent to their thread", async () => {
    const { create, send, events, id } = createScene(await openStore(":memory:"));
    await create();
    const broken = { id: id("broken"), content: (() => undefined) as unknown as Uint8Array };
    const calls = [send("e1"), send("broken", { event: broken }), send("e2")];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await send("e3");
    expect((await events()).map((event) => event.id)).toEqual(["e1", "e2", "e3"].map(id));
  });

  it("fail together when they cannot be sent to their thread for none of them", async () => {
    const { create, send, events, id } = createScene(await openStore(":memory:"));
    await create();
    let reads = 0;
    const moody = {
      id: id("moody"),
      // It is weighed, sent, and looked at alone after that.
      get content() {
        reads += 1;
        if (reads === 2) throw new Error("not now");
        return new Uint8Array();
      },
    };
    const outcomes = await Promise.allSettled([send("e1"), send("moody", { event: moody })]);
    const failed = { status: "rejected", reason: { reason: "INTERNAL" } };
    expect(outcomes).toMatchObject([failed, failed]);
    await send("e2");
    expect((await events()).map((event) => event.id)).toEqual([id("e2")]);
  });
});

/** Counts the commits in a write-ahead log: the frames that say how large the database is after them (https://sqlite.org/fileformat.html#walformat). */
function countCommits(path: string): number {
  const wal = readFileSync(path);
  const frameSize = 24 + wal.readUInt32BE(8);
  const salts = wal.subarray(16, 24);
  let commits = 0;
  for (let at = 32; at + frameSize <= wal.length; at += frameSize) {
    // What an earlier round of the log has left behind has other salts.
    if (!wal.subarray(at + 8, at + 16).equals(salts)) break;
    if (wal.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return commits;
}
