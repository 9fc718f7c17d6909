import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, describe, expect, onTestFinished } from "vitest";

const paths = [
  process.env.CHROMIUM ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const executablePath = paths.find((path) => path !== "" && existsSync(path));

/** Facts that need a browser. Where there is none they are skipped, which one line says; but not in CI. */
export function describeInBrowser(name: string, facts: () => void): void {
  if (executablePath === undefined && process.env.CI) {
    throw new Error("there is no Chromium, which CI must have (Debian: apt-get install chromium)");
  }
  if (executablePath === undefined) {
    process.stderr.write(`Skipped, as there is no Chromium (CHROMIUM names one): ${name}\n`);
  }
  describe.skipIf(executablePath === undefined)(name, facts);
}

/** Starts the system's browser. It is closed after the tests of the file. */
export async function startBrowser(): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath: executablePath ?? "", headless: true, args });
  afterAll(() => browser.close());
  return browser;
}

/** Bundles a folder with a page, as the build does, into a folder that is gone after the tests of the file. */
export function bundle(...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "pigeonhole-console-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const command = ["build", ...args, "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
  const { status, stderr } = spawnSync("vite", command, {
    encoding: "utf8",
    env: { ...process.env, NODE_ENV: "production" },
  });
  if (status !== 0) throw new Error(`vite could not bundle: ${stderr}`);
  return folder;
}

export interface PageOptions extends BrowserContextOptions {
  /** What complaints the test provokes: each of these must be made. */
  provokes?: readonly RegExp[];
  /** What complaints may be made besides. */
  tolerates?: readonly RegExp[];
}

/**
 * Opens a page of its own. After the test the page must have made no complaint: no error or warning in the browser's console, which
 * tells what a Content-Security-Policy forbade as well, no error that a script threw, and no request to anywhere but its own server.
 */
export async function openPage(
  browser: Browser,
  url: string,
  { provokes = [], tolerates = [], ...options }: PageOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== "data:") complaints.push(`asks ${request.url()}`);
  });
  onTestFinished(async () => {
    await context.close();
    const fits = (complaint: string) => (expected: RegExp) => expected.test(complaint);
    const surprising = complaints.filter((complaint) => ![...provokes, ...tolerates].some(fits(complaint)));
    const missing = provokes.filter((expected) => !complaints.some((complaint) => expected.test(complaint)));
    expect({ surprising, missing }).toEqual({ surprising: [], missing: [] });
  });
  await page.goto(url);
  return page;
}
