import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type FilesOptions, watchFiles } from "../src/server/watch-files.ts";
import { tempDir } from "./temp-dir.ts";

/** Watches a file in which stands `one`, with a log that is kept. */
async function watchWord(options: (path: string) => Partial<FilesOptions<string>> = () => ({})) {
  const path = join(tempDir(), "word");
  await writeFile(path, "one");
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const files = await watchFiles({
    name: "the words",
    paths: [path],
    read: () => readFile(path, "utf8"),
    describe: () => ({}),
    log: { info: note, warn: note, error: note },
    ...options(path),
  });
  onTestFinished(() => files.close());
  return { files, path, lines };
}

describe("a file that is watched", () => {
  it("is read again if it changes while it is read for the first time", async () => {
    const { files } = await watchWord((path) => ({
      async read() {
        const word = await readFile(path, "utf8");
        if (word === "one") await writeFile(path, "other");
        return word;
      },
    }));
    expect(files.content).toBe("one");
    await new Promise((resolve) => files.watch(resolve));
    expect(files.content).toBe("other");
  });

  it("is told to all who use it, though one of them fails, which the log does not take for the file's fault", async () => {
    const { files, path, lines } = await watchWord();
    const told: string[] = [];
    files.watch(() => {
      throw new Error("cannot take it");
    });
    files.watch((word) => void told.push(word));
    await writeFile(path, "other");
    await files.reload();
    expect(told).toEqual(["other"]);
    expect(files.content).toBe("other");
    expect(lines).toEqual([
      "the words were read again",
      "the words were read again, and not all who use them could take them",
    ]);
  });

  it("is told to nobody once it is closed, also if it is being read by then", async () => {
    const reading = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let reads = 0;
    const { files, lines } = await watchWord((path) => ({
      async read() {
        reads += 1;
        if (reads > 1) {
          reading.resolve();
          await release.promise;
        }
        return readFile(path, "utf8");
      },
    }));
    const told: string[] = [];
    files.watch((word) => void told.push(word));
    const reloaded = files.reload();
    await reading.promise;
    files.close();
    release.resolve();
    await reloaded;
    await files.reload();
    expect(reads).toBe(2);
    expect(told).toEqual([]);
    expect(lines).toEqual([]);
  });
});
