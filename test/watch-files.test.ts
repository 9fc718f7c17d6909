import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { watchFiles } from "../src/server/watch-files.ts";
import { tempDir } from "./temp-dir.ts";

const log = { info: () => {}, warn: () => {}, error: () => {} };

it("a file that changes while it is read for the first time is read again", async () => {
  const path = join(tempDir(), "word");
  await writeFile(path, "one");
  const files = await watchFiles({
    name: "the words",
    paths: [path],
    async read() {
      const word = await readFile(path, "utf8");
      if (word === "one") await writeFile(path, "other");
      return word;
    },
    describe: () => ({}),
    log,
  });
  onTestFinished(() => files.close());
  expect(files.content).toBe("one");
  await new Promise((resolve) => files.watch(resolve));
  expect(files.content).toBe("other");
});
