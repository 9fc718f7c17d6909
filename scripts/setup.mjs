// Installs the dependencies when they are missing or older than the lock file. Plain JavaScript without dependencies,
// because it runs on whatever Node came with npm.
import { execSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";

const installed = "node_modules/.package-lock.json";
const current =
  existsSync(installed) &&
  existsSync("node_modules/node/bin/node") &&
  statSync(installed).mtimeMs >= statSync("package-lock.json").mtimeMs;

if (!current) {
  console.log("Installing the dependencies (once) ...");
  try {
    execSync(`${npm()} ci --no-audit --no-fund --loglevel=error`, { stdio: "inherit" });
  } catch {
    // npm has said why.
    process.exit(1);
  }
}

/** The command that runs npm. On an old Node, npm leaves out what needs a newer one: there it is run on the one that is installed. */
function npm() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return "npm";
  const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  return `npm exec --yes --loglevel=error --package=node@${devDependencies.node} --package=npm@11 -- npm`;
}
