import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (path: string) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));

describe.each(["", "bench/"])("the dependencies of %jpackage.json", (folder) => {
  it("are pinned to one version each", () => {
    const { dependencies, devDependencies } = read(`${folder}package.json`);
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version, name).toMatch(/^(\d+\.\d+\.\d+(-[\w.]+)?|file:\.\.)$/);
    }
  });

  it("are as they were when they were locked, wherever they come from", () => {
    const packages: Record<
      string,
      { integrity?: string; link?: boolean; inBundle?: boolean; optional?: boolean }
    > = read(`${folder}package-lock.json`).packages;
    for (const [path, { integrity, link, inBundle, optional }] of Object.entries(packages)) {
      // One that another package brings along is covered by that one's; those for other systems have never been here.
      if (!path.includes("node_modules/") || link === true || inBundle === true || optional === true)
        continue;
      expect(integrity, path).toMatch(/^sha512-/);
    }
  });
});
