// Checks what no test does: style, types, the proto, that the generated code is the proto's, and that the proto breaks nobody.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const temp = mkdtempSync(join(tmpdir(), "pigeonhole-check-"));
let failures = 0;
try {
  check("biome", () => run("biome", "check", "--error-on-warnings"));
  check("types", () => installBench() && run("tsc", "-p", "."));
  check("types of the console", () => run("tsc", "-p", "src/console"));
  check("buf lint", () => run("buf", "lint"));
  check("buf format", () => run("buf", "format", "proto", "--diff", "--exit-code"));
  check("generated code", () => {
    return run("buf", "generate", "--output", temp) && run("diff", "-r", "gen", join(temp, "gen"));
  });
  check("the protocol reference", () => run("node", "scripts/reference.ts", "--check"));
  check("buf breaking", breaksNobody);
} finally {
  rmSync(temp, { recursive: true });
}
if (failures > 0) process.exit(1);

function check(name: string, passes: () => boolean): void {
  const begin = performance.now();
  const passed = passes();
  if (!passed) failures += 1;
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${Math.round(performance.now() - begin)} ms)`);
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "inherit" }).status === 0;
}

/** The benchmark is checked with the rest, and has dependencies of its own. */
function installBench(): boolean {
  if (!existsSync("bench/package.json") || existsSync("bench/node_modules/.package-lock.json")) return true;
  return run("npm", "--prefix", "bench", "ci", "--no-audit", "--no-fund", "--loglevel=error");
}

/** Compares the proto with that of the branch's base: where it left main, or the commit before if it is main. */
function breaksNobody(): boolean {
  const base = findBase();
  if (base === undefined) {
    console.log("There is no earlier proto to compare with.");
    return true;
  }
  const before = join(temp, "base");
  // The module from npm is the same for both, and in no commit.
  const unpack = `mkdir ${before} && git archive ${base} proto buf.yaml | tar -x -C ${before}`;
  if (!run("sh", "-c", unpack)) return false;
  symlinkSync(resolve("node_modules"), join(before, "node_modules"));
  return run("buf", "breaking", "--against", before);
}

function findBase(): string | undefined {
  const main = git("rev-parse", "--verify", "main") ?? git("rev-parse", "--verify", "origin/main");
  const fork = main && git("merge-base", "HEAD", main);
  const base = fork === git("rev-parse", "HEAD") ? git("rev-parse", "--verify", "HEAD^") : fork;
  return base && git("rev-parse", "--verify", `${base}:proto`) && base;
}

function git(...args: string[]): string | undefined {
  const { status, stdout } = spawnSync("git", args, { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
