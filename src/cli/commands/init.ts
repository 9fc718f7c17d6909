import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { defineCommand } from "../command.ts";
import { buildSteps, dependencyFor, isInstalledFor, readOwnPackage } from "../own-package.ts";
import { projectFiles } from "../project-template.ts";
import { clean } from "../style.ts";
import { UsageError } from "../usage-error.ts";

export const init = defineCommand({
  name: "init",
  args: "[FOLDER]",
  summary: "Make a small project: an agent in TypeScript, its test, and what they need to run.",
  details: "FOLDER is this one by default. What is there already stays as it is.",
  options: {
    name: {
      type: "string",
      value: "name",
      summary: "The name of the agent and the package. Default: that of the folder.",
    },
    package: {
      type: "string",
      value: "spec",
      summary: "What package.json says of the version of pigeonhole. Default: as this one was installed.",
    },
  },
  async run({ args: [given = "."], values, output }) {
    const folder = resolve(given);
    const { devDependencies } = readOwnPackage();
    const files = projectFiles({
      name: nameOf(values.name ?? basename(folder), values.name !== undefined),
      pigeonhole: values.package ?? dependencyFor(folder),
      typescript: `^${devDependencies.typescript}`,
      nodeTypes: `^${devDependencies["@types/node"]}`,
    });
    await mkdir(folder, { recursive: true });
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path);
      const written = !existsSync(file);
      // Fails if somebody else has made it meanwhile.
      if (written) await writeFile(file, content, { flag: "wx" });
      await output.show(
        { path: file, written },
        () => `${written ? "made" : "kept"}  ${clean(join(given, path))}\n`,
      );
    }
    if (!output.json) await output.write(clean(nextSteps(folder)));
    return 0;
  },
});

/** Makes a name that an agent and a package may have. One that was asked for must be such already. */
function nameOf(text: string, asked: boolean): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .replace(/-+$/, "")
    .slice(0, 63);
  if (!asked) return name === "" ? "my-agent" : name;
  if (name === text) return name;
  throw new UsageError(
    "--name must have 1 to 63 characters of a-z, 0-9 and -, begin with a letter, and not end with -",
  );
}

function nextSteps(folder: string): string {
  const place = relative(process.cwd(), folder);
  const steps = [
    ...(place === "" ? [] : [`cd ${place.includes(" ") ? `"${place}"` : place}`]),
    ...(isInstalledFor(folder) ? [] : [...buildSteps(), "npm install"]),
    "npm start",
  ];
  return `\nNow:\n${steps.map((step) => `  ${step}\n`).join("")}`;
}
