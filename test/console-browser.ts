import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, describe } from "vitest";

const paths = [
  process.env.CHROMIUM ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const executablePath = paths.find((path) => path !== "" && existsSync(path));

/** Facts that need a browser. Where there is none they are skipped, with a word of why; but not in CI. */
export function describeInBrowser(name: string, facts: () => void): void {
  if (executablePath === undefined && process.env.CI) {
    throw new Error("there is no Chromium, which CI must have (Debian: apt-get install chromium)");
  }
  if (executablePath === undefined) {
    console.warn(`Skipped, as there is no Chromium (CHROMIUM names one): ${name}`);
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

/** A page of its own, and what it complained about: errors of scripts, and what its Content-Security-Policy forbade. */
export interface WatchedPage extends AsyncDisposable {
  page: Page;
  complaints: string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}
