import { pipeline } from "node:stream/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Server, serve } from "../../src/server/index.ts";
import scribe from "../agents/scribe.ts";
import { clientContract } from "../client-contract/facts.ts";
import { type ScriptedServer, serveScripts } from "../client-contract/scripted-server.ts";
import { bundle, type PageOptions } from "../console-browser.ts";

/**
 * That the client keeps its contract in a page as it does in Node: the facts are bundled, run in the page, and their results come back as
 * data. The page comes from the server that it calls, as its Content-Security-Policy demands.
 */
export function keeping(open: (url: string, options: PageOptions) => Promise<Page>): void {
  let server: Server;
  let scripted: ScriptedServer;
  beforeAll(async () => {
    const folder = bundle("test/client-in-page");
    server = await serve({ agents: [scribe], store: "memory:", port: 0, drain: 0, console: folder });
    // The page and its policy are the same from both.
    scripted = await serveScripts({
      async fallback({ url = "" }, response) {
        const { status, headers, body } = await fetch(server.url + url);
        response.writeHead(
          status,
          [...headers].flat().filter((text) => text !== "transfer-encoding"),
        );
        if (body === null) response.end();
        else await pipeline(body, response);
      },
    });
  });
  afterAll(async () => {
    await scripted[Symbol.asyncDispose]();
    await server.close();
  });

  const groups = Object.entries(clientContract);
  const protocols = ["connect", "grpc-web"] as const;
  const cases = groups.flatMap(([group]) => protocols.map((protocol) => [group, protocol] as const));
  it.each(cases)("%s keeps what it promises over %s", async (group, protocol) => {
    const { url } = group === "a client" ? server : scripted;
    // The browser notes by itself what is refused and what breaks off.
    const page = await open(url, { tolerates: [/^Failed to load resource/] });
    await page.waitForFunction("globalThis.findFact !== undefined");
    const found: Record<string, unknown> = {};
    const expected: Record<string, unknown> = {};
    for (const fact of clientContract[group] ?? []) {
      expected[fact.name] = fact.expected;
      found[fact.name] = await page.evaluate(
        ([protocol, group, name]) => globalThis.findFact(protocol, group, name).catch(String),
        [protocol, group, fact.name] as const,
      );
    }
    expect(found).toEqual(expected);
  });
}
