import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, TaskState } from "../src/client/index.ts";
import { codes } from "../src/server/error-codes.ts";
import { hasFor } from "./clients-rig.ts";
import { atAddress, codeBlocks, readmeCode, readmeCommand, root } from "./readme-code.ts";
import { type Serving, serving, shell } from "./readme-shell.ts";
import { createUserFolder } from "./user-folder.ts";

const docs = readdirSync(join(root, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "examples/README.md", ...docs];

const folder = createUserFolder(["@opentelemetry", "@grpc", "@types"]);
let server: Serving;

beforeAll(async () => {
  folder.write("agent.ts", readmeCode("// agent.ts"));
  server = await serving(readmeCommand("npx pigeonhole serve").replace("8080", "0"), folder.shell);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("the README", () => {
  test("has a client that ends with what the README says", async () => {
    folder.write("client.ts", atAddress(readmeCode("// client.ts"), server.url));
    const output = await shell("node client.ts", folder.shell);
    expect(output.endsWith(readmeCode("Hello, Ada."))).toBe(true);
  });

  test.skipIf(!hasFor("a test of the README", "curl", "command -v curl"))(
    "has curl commands that follow a task to its end",
    async () => {
      const output = await shell(atAddress(readmeCode("API="), server.url), { cwd: folder.path });
      expect(output).toContain('"state":"EVENT_STATE_QUEUED"');
      expect(output).toContain('"state":"TASK_STATE_COMPLETED","statusReason":"was told bye"');
    },
  );

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
    const help = await shell("npx pigeonhole serve --help", folder.shell);
    for (const [flag] of readmeCommand("npx pigeonhole serve").matchAll(/--[a-z-]+/g))
      expect(help).toContain(flag);
  });
});

describe("the protocol's page", () => {
  const commands = codeBlocks("docs/protocol.md").filter(({ language }) => language === "sh");

  test
    .skipIf(!hasFor("a test of docs/protocol.md", "curl", "command -v curl"))
    .each(commands.filter(({ code }) => code.startsWith("API=")))(
    "has curl commands that work (%#)",
    async ({ code }) => {
      const output = await shell(
        `curl() { command curl --fail-with-body "$@"; }\n${atAddress(code, server.url)}`,
        {
          cwd: root,
        },
      );
      // What a stream ends with. An error within an entry, of a turn that was cut off, is none of the command's.
      expect(output).not.toContain('{"error":{');
    },
  );

  test
    .skipIf(!hasFor("a test of docs/protocol.md", "grpcurl", "command -v grpcurl"))
    .each(commands.filter(({ code }) => code.startsWith("grpcurl")))(
    "has grpcurl commands that work (%#)",
    async ({ code }) => {
      const address = server.url.replace("http://", "");
      await shell(code.replaceAll("127.0.0.1:8080", address), { cwd: root });
    },
  );

  test("has a gRPC client that follows a task to its end", async () => {
    const code =
      codeBlocks("docs/protocol.md").find(({ code }) => code.includes("@grpc/grpc-js"))?.code ?? "";
    folder.write("grpc.js", code.replaceAll("127.0.0.1:8080", server.url.replace("http://", "")));
    symlinkSync(join(root, "proto"), join(folder.path, "proto"));
    symlinkSync(
      join(root, "node_modules/google-proto-files"),
      join(folder.path, "node_modules/google-proto-files"),
    );
    expect(await shell("node grpc.js", folder.shell)).toContain("TASK_STATE_COMPLETED");
  });
});

describe("the protocol's table of errors", () => {
  test("has every reason, with the code that it has", () => {
    const text = readFileSync(join(root, "docs/protocol.md"), "utf8");
    const told = [
      ...text.matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) +\| ([A-Z_]+(?:, [A-Z_]+)*) +\|/gm),
    ].flatMap(([, names = "", given = ""]) => {
      const codesOf = given.split(", ");
      return names.split(", ").map((name, index) => [name.slice(1, -1), codesOf[index] ?? codesOf[0]]);
    });
    const named = (code: Code) => (code === Code.Canceled ? "CANCELLED" : snakeCase(Code[code]));
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(Object.entries(codes).map(([reason, code]) => [reason, named(code)])),
    );
  });
});

describe("the page on people", () => {
  test.skipIf(!hasFor("a test of docs/people.md", "curl", "command -v curl"))(
    "has an agent that asks, and curl commands that answer it",
    async () => {
      const [agent = "", commands = ""] = codeBlocks("docs/people.md").map(({ code }) => code);
      folder.write("shop.ts", agent);
      await using shop = await serving("npx pigeonhole serve shop.ts --store memory: --port 0", folder.shell);
      const output = await shell(atAddress(commands, shop.url), { cwd: folder.path });
      expect(output).toContain('"state":"EVENT_STATE_PROCESSED"');
      const { tasks } = createClient({ baseUrl: shop.url });
      const [task] = await Array.fromAsync(tasks.list());
      expect(task).toMatchObject({ state: TaskState.COMPLETED, statusReason: '{"count":2}' });
    },
  );
});

describe("the pages", () => {
  test("have TypeScript that type-checks", async () => {
    const blocks = pages.flatMap((page) =>
      codeBlocks(page)
        .filter(({ language }) => language === "ts")
        .map(({ code }, index) => ({ name: `${page.replaceAll(/\W/g, "-")}-${index}.ts`, code })),
    );
    mkdirSync(join(folder.path, "checked"));
    for (const { name, code } of blocks) writeFileSync(join(folder.path, "checked", name), code);
    writeFileSync(
      join(folder.path, "checked/tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["."], exclude: [] }),
    );
    const found = await shell("tsc -p checked || true", folder.shell);
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
    for (const [, label = ""] of text.matchAll(/\]\[([\w-]+)\]/g))
      expect(text).toMatch(new RegExp(`^\\[${label}\\]: https:`, "m"));
  });

  test.each(pages)("have no commands and no configuration that no test runs: %s", (page) => {
    const run = [
      "README.md",
      "docs/cli.md",
      "docs/clients.md",
      "docs/getting-started.md",
      "docs/hostile-input.md",
      "docs/operations.md",
      "docs/people.md",
      "docs/protocol.md",
      "docs/reliability.md",
    ];
    const checked = [
      "ts",
      "json",
      "text",
      ...(run.includes(page) ? ["sh", "js", "ini", "nginx", "dockerfile"] : []),
    ];
    const languages = codeBlocks(page).map(({ language }) => language);
    expect(languages.filter((language) => !checked.includes(language))).toEqual([]);
  });

  test.each(docs)("have JSON that is JSON: %s", (page) => {
    for (const { code, language } of codeBlocks(page)) if (language === "json") JSON.parse(code);
  });
});

/** Makes `NOT_FOUND` of `NotFound`. */
function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** Makes the anchor of a heading, as GitHub does. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}
