import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { defineAgent, serve } from "../src/server/index.ts";
import { agentPath, runCli, urlOf } from "./crash-process.ts";
import { tempDir } from "./temp-dir.ts";

const agents = [defineAgent({ name: "desk", onTaskEventSend: () => {} })];

async function start(console: boolean | string): Promise<string> {
  const server = await serve({ agents, store: "memory:", port: 0, drain: 0, console });
  onTestFinished(() => server.close());
  return server.url;
}

/** A folder such as the build makes. */
function builtFolder(): string {
  const folder = tempDir();
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>page</title>");
  writeFileSync(join(folder, "assets/main-1a2b.js"), "export {};");
  writeFileSync(join(folder, "licenses.md"), "not for browsers");
  return folder;
}

it("the page is asked for anew each time, and what it loads once for ever", async () => {
  const url = await start(builtFolder());
  const page = await fetch(url);
  expect([page.status, page.headers.get("content-type"), page.headers.get("cache-control")]).toEqual([
    200,
    "text/html; charset=utf-8",
    "no-cache",
  ]);
  expect(await page.text()).toContain("<title>page</title>");
  const script = await fetch(`${url}/assets/main-1a2b.js`);
  expect([script.headers.get("content-type"), script.headers.get("cache-control")]).toEqual([
    "text/javascript; charset=utf-8",
    "public, max-age=31536000, immutable",
  ]);
});

it("everything is served with a strict policy", async () => {
  const url = await start(builtFolder());
  for (const path of ["/", "/assets/main-1a2b.js", "/nothing"]) {
    const { headers } = await fetch(url + path);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    expect([headers.get("x-content-type-options"), headers.get("referrer-policy")]).toEqual([
      "nosniff",
      "no-referrer",
    ]);
  }
});

it("nothing but the page's own files can be had", async () => {
  const url = await start(builtFolder());
  const others = [
    "/index.html",
    "/licenses.md",
    "/assets/",
    "/assets",
    "/%2e%2e/package.json",
    "//etc/passwd",
  ];
  for (const path of others) expect((await fetch(url + path)).status, path).toBe(404);
});

it("HEAD tells what GET does, without the body, and nothing is posted", async () => {
  const url = await start(builtFolder());
  const head = await fetch(url, { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "34", ""]);
  const post = await fetch(url, { method: "POST", body: "{}" });
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

it("a console that is not built says how to build it, until it is", async () => {
  const folder = tempDir();
  const url = await start(folder);
  const before = await fetch(url);
  expect([before.status, await before.text()]).toEqual([404, expect.stringContaining("npm run build")]);
  writeFileSync(join(folder, "index.html"), "built");
  expect(await (await fetch(url)).text()).toBe("built");
});

it("a console that is off is not there", async () => {
  const response = await fetch(await start(false));
  expect([response.status, await response.text()]).toEqual([404, "not found\n"]);
});

it("the command line leaves it out when it is told to", async () => {
  await using usual = runCli(["serve", agentPath("scribe"), "--port", "0", "--store", "memory:"]);
  await using without = runCli([
    "serve",
    agentPath("scribe"),
    "--port",
    "0",
    "--store",
    "memory:",
    "--no-console",
  ]);
  const answers = [usual, without].map(async (server) => await (await fetch(await urlOf(server))).text());
  expect(await Promise.all(answers)).toEqual([expect.not.stringMatching(/^not found/), "not found\n"]);
});
