import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the package that this code is of. */
const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");

/** What package.json says. */
export interface OwnPackage {
  version: string;
  engines: { node: string };
  devDependencies: Record<string, string>;
}

/** Reads the package.json of this package. */
export function readOwnPackage(): OwnPackage {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}

/**
 * Tells how this command line is called from here: as the package that somebody has installed, or, in a clone, by its sources. They need
 * the Node that the clone has brought with it, if that is what runs them: the one that a shell finds may be too old.
 */
export function ownCommand(
  [node = "", main = ""]: readonly string[] = [process.execPath, process.argv[1] ?? ""],
): string {
  if (!main.endsWith(".ts")) return "npx pigeonhole";
  const here = (path: string) => relative(process.cwd(), path);
  const brought = node.startsWith(join(root, "node_modules"));
  return `${brought ? here(node) : "node"} --conditions=pigeonhole-source ${here(main)}`;
}

/** Whether what is in a folder can import this package as it is. */
export function isInstalledFor(folder: string): boolean {
  try {
    createRequire(join(folder, "package.json")).resolve("pigeonhole/package.json");
    return true;
  } catch {
    return false;
  }
}

/** The commands that make this package one that can be installed: none but in a clone that was not built. */
export function buildSteps(): string[] {
  return existsSync(join(root, "dist")) ? [] : [`npm --prefix ${root} run build`];
}

/**
 * Tells how a project in a folder can depend on this package: by what this one was installed from, a registry or a packed file, or by
 * where it is, if it is a clone.
 */
export function dependencyFor(folder: string): string {
  const home = dirname(dirname(root));
  const lock = join(dirname(root), ".package-lock.json");
  if (!existsSync(lock)) return fileSpec(folder, root);
  const { packages } = JSON.parse(readFileSync(lock, "utf8"));
  const resolved: unknown = packages?.["node_modules/pigeonhole"]?.resolved;
  if (typeof resolved !== "string" || !resolved.startsWith("file:")) return `^${readOwnPackage().version}`;
  return fileSpec(folder, resolve(home, resolved.slice("file:".length)));
}

function fileSpec(folder: string, path: string): string {
  return `file:${relative(folder, path).replaceAll("\\", "/")}`;
}
