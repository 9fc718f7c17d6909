import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import { createScene, errorOf, newEvent, reasonOf, show } from "./store-contract/scene.ts";
import { openStore, tempDir } from "./temp-dir.ts";

describe.skipIf(!canMount())(
  "an SQLite store on a disk (needs the right to mount)",
  { timeout: 30_000 },
  () => {
    it("acknowledges nothing that it cannot write, and goes on when there is room", async () => {
      const disk = mountDisk("4m");
      const path = join(disk, "store.db");
      const store = await openStore(path);
      const { activate, create, send, turn, commit, events, task, log, id } = createScene(store);
      await activate();
      await send("before");
      const running = await turn();
      const content = new Uint8Array(100_000);
      const large = (name: string) => send(name, { event: { id: id(name), content } });
      const logBefore = await log();
      const filler = fillDisk(disk);

      const burst = Array.from({ length: 20 }, (_, n) => reasonOf(large(`e${n}`)));
      expect(new Set(await Promise.all(burst))).toEqual(new Set(["STORE_UNAVAILABLE"]));
      const output = [show.whole(id("m"), "x".repeat(100_000))];
      const error = await errorOf(commit(running.turn, { output, changes: { k: "1" } }));
      expect(error.reason).toBe("STORE_UNAVAILABLE");
      expect(error.details.retryAfter).toBeGreaterThan(0);
      expect(await reasonOf(create({ taskId: id("t2"), params: content }))).toBe("STORE_UNAVAILABLE");
      // What was there can still be read.
      expect(await task()).toMatchObject({ processingEventId: id("before"), pendingEvents: 0 });
      expect(await log()).toEqual(logBefore);

      rmSync(filler);
      await commit(running.turn, { output, changes: { k: "1" } });
      await large("after");
      const kept = await events();
      expect(kept.map((event) => event.id)).toEqual([id("before"), id("after")]);
      const logAfter = await log();
      expect(logAfter.map(({ sequence }) => sequence)).toEqual(logAfter.map((_, n) => n + 1));
      await store.close();

      const db = new DatabaseSync(path);
      expect(db.prepare("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      db.close();
      const reopened = createScene(await openStore(path));
      expect(await reopened.events(id("task"))).toEqual(kept);
      expect(await reopened.log(id("task"))).toEqual(logAfter);
      expect(await reopened.store.getTask({ id: id("t2") })).toBeUndefined();
    });

    it("loses nothing that it acknowledged while the disk filled up", async () => {
      const disk = mountDisk("4m");
      const path = join(disk, "store.db");
      const store = await openStore(path);
      const { create, send, id } = createScene(store);
      await create();
      const content = new Uint8Array(30_000);
      const acknowledged: string[] = [];
      const refused = new Set<string>();
      for (let wave = 0; refused.size === 0; wave++) {
        const names = ["a", "b", "c", "d", "e"].map((name) => `${wave}${name}`);
        const sends = names.map((name) => send(name, { event: { id: id(name), content } }));
        for (const outcome of await Promise.allSettled(sends)) {
          if (outcome.status === "fulfilled") acknowledged.push(outcome.value.id);
          else refused.add(outcome.reason.reason);
        }
      }
      expect([...refused]).toEqual(["STORE_UNAVAILABLE"]);
      expect(acknowledged.length).toBeGreaterThan(10);
      execFileSync("mount", ["-o", "remount,size=32m", disk]);
      acknowledged.push((await send("after", { event: newEvent(id("after")) })).id);
      await store.close();
      const kept = await createScene(await openStore(path)).events(id("task"));
      expect(kept.map((event) => event.id)).toEqual(acknowledged);
    });

    it("cannot be opened on one that is read-only, whether its file is there or not", async () => {
      const disk = mountDisk("4m");
      await (await openStore(join(disk, "store.db"))).close();
      execFileSync("mount", ["-o", "remount,ro", disk]);
      for (const name of ["store.db", "new.db"]) {
        const error = await errorOf(openSqliteStore(join(disk, name)));
        expect(error.reason).toBe("STORE_UNAVAILABLE");
        expect(error.message).toContain(join(disk, name));
      }
    });
  },
);

/** Mounts a disk of a size that is gone after the test. */
function mountDisk(size: string): string {
  const disk = join(tempDir(), "disk");
  mkdirSync(disk);
  mount(disk, size);
  // Lazily, because a test that fails may have left files open.
  onTestFinished(() => void execFileSync("umount", ["--lazy", disk]));
  return disk;
}

function mount(dir: string, size: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", dir], { stdio: "ignore" });
}

function canMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), "pigeonhole-"));
  try {
    mount(dir, "1m");
    execFileSync("umount", [dir]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Writes a file that takes all the room that a disk has left. */
function fillDisk(disk: string): string {
  const filler = join(disk, "filler");
  const file = openSync(filler, "w");
  const block = Buffer.alloc(4096);
  while (statfsSync(disk).bavail > 0) writeSync(file, block);
  closeSync(file);
  return filler;
}
