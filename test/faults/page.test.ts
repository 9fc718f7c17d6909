import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pageCode, root } from "../readme-code.ts";
import { shell } from "../readme-shell.ts";

const page = readFileSync(join(root, "docs/reliability.md"), "utf8");

describe("the page on reliability", () => {
  it("plays a seed again by the command that it gives", async () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    // What the script installs first is there.
    const script = scripts["test:faults"].split("&&").at(-1);
    const command = pageCode("docs/reliability.md", "SIM_SEED=").replace("npm run test:faults --", script);
    const printed = await shell(command, { cwd: root });
    expect(printed).toContain("simulation (SIM_SEED=4711, SIM_RUNS=1)");
    expect(printed).toContain("simulation: seeds 1,");
  });

  it("names files that there are, and variables that are read", () => {
    const sources = globSync("test/**/*.ts", { cwd: root }).map((path) =>
      readFileSync(join(root, path), "utf8"),
    );
    for (const [name] of page.matchAll(/\b(SIM|SOAK|MODEL|CRASH)_[A-Z_]+\b|\bFAULTS\b/g)) {
      expect(
        sources.some((source) => source.includes(name)),
        name,
      ).toBe(true);
    }
    for (const [, filter] of page.matchAll(/test:faults -- (\w+)/g)) {
      expect(globSync(`test/faults/*${filter}*.test.ts`, { cwd: root })).not.toEqual([]);
    }
  });
});
