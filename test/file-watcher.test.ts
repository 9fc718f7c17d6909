import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createFileWatcher } from "../src/cli/file-watcher.ts";
import { fileVersion } from "../src/cli/supervised.ts";
import { tempDir } from "./temp-dir.ts";

/** Watches a file that was just written to a folder of its own. */
function watchOne() {
  const folder = join(tempDir(), "agents");
  const path = join(folder, "agent.ts");
  mkdirSync(folder);
  writeFileSync(path, "one");
  const files = createFileWatcher();
  onTestFinished(() => files.close());
  files.add({ [path]: fileVersion(path) });
  return { folder, path, files };
}

describe("a file that is watched", () => {
  it("is told to have changed while something else is written beside it all the time", async () => {
    const { folder, path, files } = watchOne();
    const writing = setInterval(() => writeFileSync(join(folder, "store.db"), "x"), 5);
    onTestFinished(() => clearInterval(writing));
    writeFileSync(path, "other");
    await files.changed();
  });

  it("is told to have changed when its folder has been removed and made again", async () => {
    const { folder, path, files } = watchOne();
    rmSync(folder, { recursive: true });
    await files.changed();
    files.forget();
    mkdirSync(folder);
    writeFileSync(path, "one");
    await files.changed();
    files.forget();
    writeFileSync(path, "other");
    await files.changed();
  });

  it("is told to have changed if it did before it came to be watched", async () => {
    const { path, files } = watchOne();
    const loaded = fileVersion(path);
    writeFileSync(path, "other");
    files.forget();
    files.add({ [path]: loaded });
    await files.changed();
  });

  it("is told once what came to it before it was left alone", async () => {
    const { folder, path, files } = watchOne();
    writeFileSync(path, "");
    await files.changed();
    files.forget();
    const changed = Promise.race([files.changed().then(() => "changed"), neighbour(folder)]);
    expect(await changed).toBe("only a neighbour");
  });
});

/** Resolves when another watcher, which began later, has told of a file that was written beside. */
async function neighbour(folder: string): Promise<string> {
  const path = join(folder, "word.ts");
  const files = createFileWatcher();
  onTestFinished(() => files.close());
  files.add({ [path]: fileVersion(path) });
  writeFileSync(path, "other");
  await files.changed();
  return "only a neighbour";
}
