// Installs what the benchmark needs: Pigeonhole's dependencies, the peers, and names the load generators that are missing.
// Plain JavaScript without dependencies, because it runs on whatever Node came with npm.
import { execFileSync, execSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

execSync("node scripts/setup.mjs", { cwd: join(import.meta.dirname, ".."), stdio: ["ignore", 2, 2] });

const installed = "node_modules/.package-lock.json";
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync("package-lock.json").mtimeMs) {
  console.error("Installing the peers (once) ...");
  execSync("npm ci --ignore-scripts --no-audit --no-fund --loglevel=error", { stdio: ["ignore", 2, 2] });
}

for (const [tool, about] of [
  ["h2load", "Debian: nghttp2-client"],
  ["wrk", "Debian: wrk"],
]) {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
  } catch {
    console.error(`The benchmark needs ${tool} (${about}).`);
    process.exit(1);
  }
}
