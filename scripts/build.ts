// Builds dist/: compiles src/, bundles the web console, and checks that whoever installs the package finds everything that dist/ imports.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

rmSync("dist", { recursive: true, force: true });
// To stderr, because stdout is that of `npm pack`, which tells the name of what it made.
const { status } = spawnSync("tsc", ["-p", "src"], { stdio: ["ignore", 2, 2] });
if (status !== 0) process.exit(1);

// The compiler rewrites the extensions of imports in JavaScript alone; in declarations it leaves that to the reader.
for (const file of globSync("dist/**/*.d.ts")) {
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replaceAll(/(\bfrom |\bimport\()"(\.[^"]+)\.ts"/g, '$1"$2.js"'));
}

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const missing = globSync("dist/**/*.{js,d.ts}").flatMap((file) =>
  importsOf(file)
    .filter((specifier) => !isShipped(specifier, file))
    .map((specifier) => `${file} imports ${specifier}, which is not shipped`),
);
if (missing.length > 0) {
  console.error(missing.join("\n"));
  process.exit(1);
}
chmodSync("dist/cli/main.js", 0o755);

const bundling = spawnSync(
  "vite",
  ["build", "--config", "src/console/vite.config.ts", "--logLevel", "warn"],
  {
    stdio: ["ignore", 2, 2],
  },
);
if (bundling.status !== 0) process.exit(1);

function importsOf(file: string): string[] {
  // What stands in a template is for another file, as the one of a new project.
  const text = readFileSync(file, "utf8").replaceAll(/`(?:\\.|[^`\\])*`/g, "``");
  return [...text.matchAll(/^(?:import|export|\}).*?\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/gm)].map(
    ([, from, dynamic]) => from ?? dynamic ?? "",
  );
}

/** Whether an import is Node's, of a dependency, or of a file that is there with its declarations. */
function isShipped(specifier: string, file: string): boolean {
  if (specifier.startsWith("node:")) return true;
  if (!specifier.startsWith(".")) return packageOf(specifier) in dependencies;
  const target = join(dirname(file), specifier);
  return target.endsWith(".js") && existsSync(target) && existsSync(target.replace(/\.js$/, ".d.ts"));
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
