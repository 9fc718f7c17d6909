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

  it("come from the registry, as they were when they were locked", () => {
    const packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }> = read(
      `${folder}package-lock.json`,
    ).packages;
    for (const [path, { resolved, integrity, link }] of Object.entries(packages)) {
      if (!path.includes("node_modules/") || link === true) continue;
      expect(resolved ?? "https://registry.npmjs.org/", path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
      expect(integrity, path).toMatch(/^sha512-/);
    }
  });
});
