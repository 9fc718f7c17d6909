import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { createClient, type PigeonholeClient } from "../src/client/index.ts";
import { type Server, serve } from "../src/server/index.ts";
import { createGuide, type GuideGates } from "./agents/guide.ts";
import type { PageOptions } from "./console-browser.ts";

/** A server with the guide and the console, and a client of it. */
export interface ConsoleServer extends PigeonholeClient {
  server: Server;
  url: string;
}

/** How a test comes to a server and a page of its own. */
export interface ConsoleRig {
  start(options?: ConsoleOptions): Promise<ConsoleServer>;
  open(url: string, options?: PageOptions): Promise<Page>;
}

export interface ConsoleOptions {
  gates?: GuideGates;
  store?: string;
  port?: number;
}

/** Serves the guide and the console of a folder, until the test is over. */
export async function serveConsole(
  folder: string,
  { gates = open, store = "memory:", port = 0 }: ConsoleOptions = {},
): Promise<ConsoleServer> {
  const log = { info() {}, warn() {}, error() {} };
  // Where nobody listens: what is posted goes nowhere.
  const webhooks = { allowPrivateAddresses: true, resolve: async () => ["127.0.0.1"] };
  const agents = [createGuide(gates)];
  const server = await serve({ agents, store, port, drain: 0, console: folder, log, webhooks });
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= server.close());
  onTestFinished(close);
  const client = createClient({ baseUrl: server.url });
  return { ...client, server: { ...server, close }, url: server.url };
}

const open: GuideGates = { middle: async () => {} };

/** Keeps a picture of the page for the documentation, when asked to by SCREENSHOTS=1. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS === "1") await page.screenshot({ path: `docs/images/${name}.png` });
}

/** Shows the page, light and dark, to whoever names a folder by PEEK to look at every view. */
export async function peek(page: Page, name: string): Promise<void> {
  const folder = process.env.PEEK;
  if (folder === undefined) return;
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png` });
  }
}

/** The texts of the messages that the page shows, in their order. */
export async function shownTexts(page: Page): Promise<string[]> {
  return await page.locator("article.message").evaluateAll((messages) =>
    messages.map((message) => {
      const parts = [...message.querySelectorAll(".markdown")];
      return parts.map((part) => part.textContent?.trim()).join(" ");
    }),
  );
}

/** Notes from now on what jumps in a page. */
export async function watchShifts(page: Page): Promise<void> {
  await page.evaluate(() => {
    globalThis.shifts = [];
    const observer = new PerformanceObserver((list) => {
      for (const { value, sources = [] } of list.getEntries() as LayoutShift[]) {
        const what = sources.map(({ node }) => node?.parentElement?.outerHTML.slice(0, 300) ?? "");
        globalThis.shifts.push({ value, what });
      }
    });
    observer.observe({ type: "layout-shift" });
  });
}

/** What has jumped since, and by how much (https://web.dev/articles/cls): nothing, on a good page. */
export async function shiftsOf(page: Page): Promise<Shift[]> {
  return await page.evaluate(() => globalThis.shifts);
}

interface Shift {
  value: number;
  what: string[];
}

declare global {
  /** What has jumped in the page. */
  var shifts: Shift[];

  /** Chromium's, of the Layout Instability API. */
  interface LayoutShift extends PerformanceEntry {
    value: number;
    sources?: { node: Node | null }[];
  }
}
