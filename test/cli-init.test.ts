import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { jsonLines, runToEnd } from "./cli-rig.ts";
import { root } from "./readme-code.ts";
import { tempDir } from "./temp-dir.ts";

/** Runs a program of this repository's in a folder, which sees the sources. Rejects, with what it prints, if it fails. */
async function inFolder(cwd: string, program: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd,
    env: {
      ...process.env,
      NODE_OPTIONS: "--conditions=pigeonhole-source",
      // What the runner of these tests tells its own tests is nothing to one that is run by them.
      NODE_TEST_CONTEXT: undefined,
      PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}`,
    },
  });
  return stdout;
}

describe("init", () => {
  it("makes a project that type-checks, and whose test passes", async () => {
    const folder = tempDir();
    const { code, stdout } = await runToEnd(["init", "My Agent"], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nNow:\n {2}cd "My Agent"\n[\s\S]* {2}npm install\n {2}npm start\n$/);
    const project = join(folder, "My Agent");
    expect(readdirSync(project).sort()).toEqual(
      [".gitignore", "README.md", "agent.test.ts", "agent.ts", "package.json", "tsconfig.json"].sort(),
    );
    mkdirSync(join(project, "node_modules"));
    symlinkSync(root, join(project, "node_modules/pigeonhole"));
    symlinkSync(join(root, "node_modules/@types"), join(project, "node_modules/@types"));
    expect(await inFolder(project, "tsc", "--customConditions", "pigeonhole-source")).toBe("");
    expect(await inFolder(project, process.execPath, "--test")).toMatch(/pass 1\n[\s\S]*fail 0\n/);
    expect(JSON.parse(readFileSync(join(project, "package.json"), "utf8"))).toMatchObject({
      name: "my-agent",
      type: "module",
      scripts: { start: "pigeonhole serve agent.ts --watch", test: "node --test" },
    });
  });

  it("keeps what is there, and says so", async () => {
    const folder = tempDir();
    writeFileSync(join(folder, "agent.ts"), "// mine\n");
    const { stdout } = await runToEnd(["init", "--name", "kept", "--json"], { cwd: folder });
    const written = jsonLines(stdout).map(({ path, written }) => [String(path).replace(/.*\//, ""), written]);
    expect(Object.fromEntries(written)).toMatchObject({ "agent.ts": false, "package.json": true });
    expect(readFileSync(join(folder, "agent.ts"), "utf8")).toBe("// mine\n");
  });

  it.each([
    ["what is asked for", ["--package", "^9.9.9"], "^9.9.9"],
    ["a clone, where it is run from one", [], expect.stringMatching(/^file:\.\.\//)],
  ])("depends on %s", async (_, args, expected) => {
    const folder = tempDir();
    await runToEnd(["init", ...args], { cwd: folder });
    const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    expect(dependencies).toEqual({ pigeonhole: expected });
  });

  it.each(["Über Agent", "1st", "abc-"])(
    "refuses a name that it would not give, and says why (%s)",
    async (name) => {
      const { code, stderr } = await runToEnd(["init", "--name", name], { cwd: tempDir() });
      const rule =
        "--name must have 1 to 63 characters of a-z, 0-9 and -, begin with a letter, and not end with -";
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(rule) });
    },
  );
});
