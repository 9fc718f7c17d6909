import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";

const folder = new URL("../src/client/", import.meta.url);
const allowed =
  /^(\.\/[a-z-]+\.ts|\.\.\/(proto|final-state)\.ts|@bufbuild\/protobuf(\/wkt)?|@connectrpc\/connect(-web)?)$/;

const files = (await readdir(folder)).filter((name) => name.endsWith(".ts"));

it.each(files)("%s imports nothing that a browser does not have", async (name) => {
  const text = await readFile(new URL(name, folder), "utf8");
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier]) => specifier);
  for (const specifier of imports) expect(specifier).toMatch(allowed);
  expect(text).not.toMatch(/\b(Buffer|process|require|setImmediate|__dirname)\b/);
});
