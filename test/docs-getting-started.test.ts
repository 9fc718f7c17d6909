import { describe, expect, it } from "vitest";
import { atAddress, pageCode, readmeCommand } from "./readme-code.ts";
import { serving, shell } from "./readme-shell.ts";
import { createUserFolder } from "./user-folder.ts";

const code = (text: string) => pageCode("docs/getting-started.md", text);

describe("the page on getting started", () => {
  it("leads to an agent that streams to a client, and a client that ends with what the page says", async () => {
    using folder = createUserFolder();
    folder.write("agent.ts", code("// agent.ts"));
    const command = code("npx pigeonhole serve").trim();
    await using server = await serving(`${command} --port 0`, folder.shell);
    folder.write("client.ts", atAddress(code("// client.ts"), server.url));
    const output = await shell("node client.ts", folder.shell);
    expect(output).toMatch(/^Made task /);
    // An answer that grows is seen before it is whole.
    expect(output).toMatch(/^This( is)?( answer)?( 1,)?( to)? $/m);
    expect(output.replaceAll(/ $/gm, "")).toMatch(
      new RegExp(`${RegExp.escape(code('This is answer 1, to "hello".'))}$`),
    );
  });

  it("installs as the README does, whose commands are run elsewhere", () => {
    const commands = code("npm init").trim().split("\n");
    expect(commands).toEqual([readmeCommand("npm init"), readmeCommand("npm install")]);
  });
});
