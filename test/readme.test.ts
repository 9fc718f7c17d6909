import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { atAddress, codeBlocks, readmeCode, readmeCommand, root } from "./readme-code.ts";
import { type Serving, serving, shell } from "./readme-shell.ts";

const docs = readdirSync(join(root, "docs")).map((page) => `docs/${page}`);
const pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...docs];

/** A folder of a user's, in which the package is these sources. */
const folder = mkdtempSync(join(tmpdir(), "pigeonhole-readme-"));
const sources = { cwd: folder, env: { NODE_OPTIONS: "--conditions=pigeonhole-source" } };
let server: Serving;

beforeAll(async () => {
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(root, join(folder, "node_modules/pigeonhole"));
  symlinkSync(join(root, "node_modules/@grpc"), join(folder, "node_modules/@grpc"));
  symlinkSync(join(root, "node_modules/@types"), join(folder, "node_modules/@types"));
  const command = join(folder, "node_modules/.bin/pigeonhole");
  writeFileSync(command, `#!/bin/sh\nexec node ${root}src/cli/main.ts "$@"\n`);
  chmodSync(command, 0o755);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "agent.ts"), readmeCode("// agent.ts"));
  server = await serving(readmeCommand("npx pigeonhole serve").replace("8080", "0"), sources);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("the README", () => {
  test("has a client that ends with what the README says", async () => {
    writeFileSync(join(folder, "client.ts"), atAddress(readmeCode("// client.ts"), server.url));
    const output = await shell("node client.ts", sources);
    expect(output.endsWith(readmeCode("Hello, Ada."))).toBe(true);
  });

  test.skipIf(!has("curl"))("has curl commands that follow a task to its end", async () => {
    const output = await shell(atAddress(readmeCode("API="), server.url), { cwd: folder });
    expect(output).toContain('"state":"EVENT_STATE_QUEUED"');
    expect(output).toContain('"state":"TASK_STATE_COMPLETED","statusReason":"was told bye"');
  });

  test("has a gRPC command that creates a task", async () => {
    const output = await shell(atAddress(readmeCode("npx buf curl"), server.url), { cwd: root });
    expect(JSON.parse(output)).toMatchObject({ created: true, task: { agent: "parrot" } });
  });

  test("names npm scripts that there are", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(scripts).toHaveProperty(readmeCommand("npm start").replace("npm ", ""));
    expect(scripts).toHaveProperty(readmeCommand("npm test").replace("npm ", ""));
  });

  test("knows every flag that it shows, as the command line does", async () => {
    const help = await shell("npx pigeonhole --help", sources);
    for (const [flag] of readmeCommand("npx pigeonhole serve").matchAll(/--[a-z-]+/g))
      expect(help).toContain(flag);
  });
});

describe("the protocol's page", () => {
  const commands = codeBlocks("docs/protocol.md").filter(({ language }) => language === "sh");

  test.skipIf(!has("curl")).each(commands.filter(({ code }) => code.startsWith("API=")))(
    "has curl commands that work (%#)",
    async ({ code }) => {
      const output = await shell(
        `curl() { command curl --fail-with-body "$@"; }\n${atAddress(code, server.url)}`,
        {
          cwd: root,
        },
      );
      expect(output).not.toContain('"error":{');
    },
  );

  test.skipIf(!has("grpcurl")).each(commands.filter(({ code }) => code.startsWith("grpcurl")))(
    "has grpcurl commands that work (%#)",
    async ({ code }) => {
      const address = server.url.replace("http://", "");
      await shell(code.replaceAll("127.0.0.1:8080", address), { cwd: root });
    },
  );

  test("has a gRPC client that follows a task to its end", async () => {
    const code =
      codeBlocks("docs/protocol.md").find(({ code }) => code.includes("@grpc/grpc-js"))?.code ?? "";
    writeFileSync(
      join(folder, "grpc.js"),
      code.replaceAll("127.0.0.1:8080", server.url.replace("http://", "")),
    );
    symlinkSync(join(root, "proto"), join(folder, "proto"));
    symlinkSync(
      join(root, "node_modules/google-proto-files"),
      join(folder, "node_modules/google-proto-files"),
    );
    expect(await shell("node grpc.js", sources)).toContain("TASK_STATE_COMPLETED");
  });
});

describe("the pages", () => {
  test("have TypeScript that type-checks", async () => {
    const blocks = pages.flatMap((page) =>
      codeBlocks(page)
        .filter(({ language }) => language === "ts")
        .map(({ code }, index) => ({ name: `${page.replaceAll(/\W/g, "-")}-${index}.ts`, code })),
    );
    mkdirSync(join(folder, "checked"));
    for (const { name, code } of blocks) writeFileSync(join(folder, "checked", name), code);
    writeFileSync(
      join(folder, "checked/tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["."], exclude: [] }),
    );
    const found = await shell("tsc -p checked || true", sources);
    expect(found.split("\n").filter((line) => line.startsWith("checked/"))).toEqual([]);
  });

  test.each(pages)("link to what there is: %s", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = "", anchor] = target.split("#");
      const linked = join(root, path === "" ? page : join(page, "..", path));
      const headings = readFileSync(linked, "utf8").matchAll(/^#+ (.+)$/gm);
      if (anchor !== undefined)
        expect([...headings].map(([, heading = ""]) => slug(heading))).toContain(anchor);
    }
  });

  test.each(docs)("have JSON that is JSON: %s", (page) => {
    for (const { code, language } of codeBlocks(page)) if (language === "json") JSON.parse(code);
  });
});

/** Makes the anchor of a heading, as GitHub does. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}

/** Whether a program is there. The commands of one that is not are skipped. */
function has(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}
