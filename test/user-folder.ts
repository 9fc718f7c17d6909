import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./readme-code.ts";
import type { ShellOptions } from "./readme-shell.ts";

/** A folder of a user's, in which the package is these sources. */
export interface UserFolder extends Disposable {
  path: string;
  /** How commands are to be run in it. */
  shell: ShellOptions;
  /** Gives a file a content. */
  write(name: string, content: string): void;
}

/** Makes a folder as `npm install` would leave it, with these other packages of ours installed beside it. */
export function createUserFolder(packages: readonly string[] = []): UserFolder {
  const path = mkdtempSync(join(tmpdir(), "pigeonhole-user-"));
  const write = (name: string, content: string) => writeFileSync(join(path, name), content);
  mkdirSync(join(path, "node_modules/.bin"), { recursive: true });
  symlinkSync(root, join(path, "node_modules/pigeonhole"));
  for (const name of packages)
    symlinkSync(join(root, "node_modules", name), join(path, "node_modules", name));
  write("node_modules/.bin/pigeonhole", `#!/bin/sh\nexec node ${root}src/cli/main.ts "$@"\n`);
  chmodSync(join(path, "node_modules/.bin/pigeonhole"), 0o755);
  write("package.json", '{ "type": "module" }');
  return {
    path,
    write,
    shell: { cwd: path, env: { NODE_OPTIONS: "--conditions=pigeonhole-source" } },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
