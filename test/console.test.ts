import type { Browser } from "playwright-core";
import { beforeAll } from "vitest";
import { conversing } from "./console/conversing.ts";
import { finding } from "./console/finding.ts";
import { following } from "./console/following.ts";
import { reading } from "./console/reading.ts";
import { scrolling } from "./console/scrolling.ts";
import { bundle, describeInBrowser, openPage, startBrowser } from "./console-browser.ts";
import { type ConsoleRig, serveConsole } from "./console-rig.ts";

describeInBrowser("the console", () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = bundle("--config", "src/console/vite.config.ts");
    browser = await startBrowser();
  });

  const rig: ConsoleRig = {
    start: (options) => serveConsole(folder, options),
    open: (url, options) => openPage(browser, url, options),
  };
  conversing(rig);
  following(rig);
  finding(rig);
  scrolling(rig);
  reading(rig);
});
