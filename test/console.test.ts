import type { Browser } from "playwright-core";
import { beforeAll, describe } from "vitest";
import { keeping } from "./client-in-page/keeping.ts";
import { asking } from "./console/asking.ts";
import { conversing } from "./console/conversing.ts";
import { finding } from "./console/finding.ts";
import { following } from "./console/following.ts";
import { keys } from "./console/keys.ts";
import { reading } from "./console/reading.ts";
import { scrolling } from "./console/scrolling.ts";
import { bundle, describeInBrowser, openPage, startBrowser } from "./console-browser.ts";
import { type ConsoleRig, serveConsole } from "./console-rig.ts";

describeInBrowser("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });

  describe("the client in a page", () => keeping((url, options) => openPage(browser, url, options)));

  describe("the console", () => {
    let folder: string;
    beforeAll(() => {
      folder = bundle("--config", "src/console/vite.config.ts");
    });
    const rig: ConsoleRig = {
      start: (options) => serveConsole(folder, options),
      open: (url, options) => openPage(browser, url, options),
    };
    conversing(rig);
    following(rig);
    finding(rig);
    keys(rig);
    scrolling(rig);
    reading(rig);
    asking(rig, () => folder);
  });
});
