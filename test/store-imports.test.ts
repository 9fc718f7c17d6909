import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

it("a thread of the store loads nothing of the protocol but the wire format: all else would be most of its time to begin", async () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = async (url: string) => {
    if (seen.has(url)) return;
    seen.add(url);
    const text = await readFile(new URL(url), "utf8");
    for (const [, specifier = ""] of text.matchAll(/^(?:import|export)(?! type) [^;]*?from "([^"]+)";/gm)) {
      if (specifier.startsWith(".")) await visit(new URL(specifier, url).href);
      else packages.add(specifier);
    }
  };
  await visit(new URL("../src/server/store/sqlite/worker.ts", import.meta.url).href);
  expect(seen.size).toBeGreaterThan(40);
  expect([...packages].filter((name) => !name.startsWith("node:"))).toEqual(["@bufbuild/protobuf/wire"]);
  expect([...seen].filter((url) => /\/gen\/|\/proto\.ts$/.test(url))).toEqual([]);
});
