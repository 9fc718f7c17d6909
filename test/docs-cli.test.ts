import { describe, expect, it } from "vitest";
import { createClient } from "../src/client/index.ts";
import { codeBlocks, pageCode } from "./readme-code.ts";
import { serving, shell } from "./readme-shell.ts";
import { createUserFolder } from "./user-folder.ts";

/** An agent that takes whatever comes, under the name that the page's commands have. */
const greeter = `import { defineAgent } from "pigeonhole";
  export default defineAgent({ name: "greeter", onTaskEventSend: (ctx, event) => void ctx.state.set("last", event.type) });`;

describe("the page on the command line", () => {
  it("has commands that work", async () => {
    using folder = createUserFolder();
    folder.write("agent.ts", greeter);
    await using server = await serving("npx pigeonhole serve agent.ts --port 0", folder.shell);
    const options = { ...folder.shell, env: { ...folder.shell.env, PIGEONHOLE_SERVER: server.url } };
    const prepare = `pigeonhole() { npx pigeonhole "$@"; }; git() { echo "-old +new"; }; jq() { cat; }`;
    const blocks = codeBlocks("docs/cli.md").filter(({ language }) => language === "sh");
    expect(blocks.length).toBeGreaterThan(1);
    await shell("npx pigeonhole task create greeter --name review", options);
    for (const { code } of blocks)
      expect(await shell(`${prepare}\n${code}`, options)).not.toContain("not done");
    const { tasks } = createClient({ baseUrl: server.url });
    const events = await Array.fromAsync(tasks.events((await tasks.get({ name: "review" })).id));
    expect(events.map(({ type }) => type)).toEqual(["diff", "verdict", ""]);
  });

  it("shows a first conversation as it is had", async () => {
    const lines = pageCode("docs/cli.md", "pigeonhole init").split("\n");
    const typed = lines.flatMap((line) => (line.startsWith("you> ") ? [line.slice("you> ".length)] : []));
    using folder = createUserFolder();
    await shell("npx pigeonhole init my-agent && ln -s ../node_modules my-agent", folder.shell);
    await using server = await serving("npx pigeonhole serve my-agent/agent.ts --port 0", folder.shell);
    const input = typed.map((line) => `echo ${JSON.stringify(line)}`).join("; ");
    const output = await shell(
      `(${input}) | npx pigeonhole chat my-agent --server ${server.url}`,
      folder.shell,
    );
    const said = /^(agent: .*|\* COMPLETED.*)$/gm;
    expect(output.match(said)).toEqual(lines.join("\n").match(said));
  });
});
