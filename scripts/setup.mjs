// Installs the dependencies when they are missing or older than the lock file. Plain JavaScript without dependencies,
// because it runs on whatever Node came with npm.
import { execSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";

const installed = "node_modules/.package-lock.json";
const current =
  existsSync(installed) &&
  existsSync("node_modules/node/bin/node") &&
  statSync(installed).mtimeMs >= statSync("package-lock.json").mtimeMs;

if (!current) {
  console.log("Installing the dependencies (once) ...");
  execSync("npm ci --no-audit --no-fund --loglevel=error", { stdio: "inherit" });
}
