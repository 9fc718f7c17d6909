import { beforeAll, expect, it } from "vitest";
import { serve } from "../src/server/index.ts";
import scribe from "./agents/scribe.ts";
import { answerTo } from "./agents/scribe-answer.ts";
import type { clientFacts } from "./client-in-page/client-facts.ts";
import { bundle, describeInBrowser, openPage, startBrowser, type WatchedPage } from "./console-browser.ts";

/** What each fact comes to, wherever and over whichever protocol it is found out. */
const expected: Record<keyof typeof clientFacts, unknown> = {
  "creates, and finds by name": [true, false, true, "fact"],
  "sends once however often it is sent": ["PROCESSED", true, true],
  "shows a conversation as it grows, to its end": {
    texts: ["I am ready.", "good bye", answerTo("good bye")],
    grows: true,
  },
  "goes on by itself, without a gap or a duplicate, when the connection breaks": {
    cuts: 1,
    same: true,
    increases: true,
  },
  "resumes after the entry that it is told": { same: true, increases: true },
  "follows live, and lets go when the loop is left": ["QUEUED", "PROCESSING", "PROCESSED"],
  cancels: [true, "CANCELLED", "enough", "enough"],
  "gives every error its reason": [
    "TASK_NOT_FOUND",
    "AGENT_NOT_FOUND",
    "TASK_FINISHED",
    ["name"],
    "SEQUENCE_OUT_OF_RANGE",
  ],
  "gives a call up when its signal is aborted": true,
};

describeInBrowser("the client in a page", () => {
  let watched: WatchedPage;

  beforeAll(async () => {
    const folder = bundle("test/client-in-page");
    const server = await serve({ agents: [scribe], store: "memory:", port: 0, drain: 0, console: folder });
    const browser = await startBrowser();
    watched = await openPage(browser, server.url);
    return () => server.close();
  });

  it.each(["connect", "grpc-web"] as const)("keeps what it promises over %s", async (protocol) => {
    await watched.page.waitForFunction("globalThis.findFacts !== undefined");
    const found = await watched.page.evaluate((protocol) => globalThis.findFacts(protocol), protocol);
    expect(found).toEqual(expected);
  });
});
