import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { EventWait } from "../../src/client/index.ts";
import { type ConsoleRig, peek, screenshot } from "../console-rig.ts";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** That the console is for everybody, in every light and on every width. */
export function reading({ start, open }: ConsoleRig): void {
  it.each([
    ["wide", { width: 1200, height: 760 }],
    ["narrow", { width: 360, height: 700 }],
  ] as const)("violates no rule of axe, light and dark, on a %s page", async (width, viewport) => {
    const { url, tasks, schedules, webhooks } = await start();
    const { task } = await tasks.create({ agent: "guide", name: "everything", labels: { team: "blue" } });
    for (const text of ["files", "poison", "child", "tools", "ask"]) {
      await tasks.send(task.id, text, { wait: EventWait.PROCESSED });
    }
    const deliverTime = new Date(Date.now() + 3_600_000);
    await tasks.send(task.id, "later", { deliverTime });
    await schedules.create({ name: "nightly", agent: "guide", cron: "0 3 * * *" });
    await webhooks.create({ agent: "guide", url: "https://example.com/hook" });

    const page = await open(url, { colorScheme: "light", viewport });
    await page.evaluate(axeSource);
    const found: Record<string, unknown> = {};
    const look = async (place: string, hash: string, ready: string) => {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, hash);
      await page.locator(ready).first().waitFor();
      const violations = await violationsIn(page, {});
      // In another light, nothing but the colours is other.
      await page.emulateMedia({ colorScheme: "dark" });
      violations.push(...(await violationsIn(page, { runOnly: ["color-contrast"] })));
      await page.emulateMedia({ colorScheme: "light" });
      if (violations.length > 0) found[place] = violations;
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
      if (place === "task" && width === "wide") await screenshot(page, "console-task");
      await peek(page, `${place}-${width}`);
    };
    await look("tasks", "/tasks", ".task-row");
    await look("new-task", "/tasks?new=1", "dialog select");
    await look("agents", "/agents", ".card");
    await look("schedules", "/schedules", ".card");
    await look("webhooks", "/webhooks", ".card");
    await page.getByRole("button", { name: "Delete" }).click();
    await look("delete-webhook", "/webhooks", "dialog .actions");
    await page.keyboard.press("Escape");
    await look("nothing", "/tasks?search=nothing", ".empty");
    await look("task", `/tasks/${task.id}`, ".question");
    await page.keyboard.press("c");
    await look("composer", `/tasks/${task.id}`, ".composer");
    for (const tab of ["Mailbox", "Log", "State", "Children", "Details"]) {
      await page.getByRole("tab", { name: tab }).click();
      await look(`task-${tab.toLowerCase()}`, `/tasks/${task.id}`, ".panel > *");
    }
    await page.keyboard.press("i");
    await page.keyboard.press("x");
    await look("cancel", `/tasks/${task.id}`, "dialog .actions");
    await page.keyboard.press("Escape");
    await page.keyboard.press("[");
    await look("past", `/tasks/${task.id}`, ".time-bar");
    await page.keyboard.press("?");
    await look("help", `/tasks/${task.id}`, ".shortcuts");
    expect(found).toEqual({});
  });
}

/** What axe finds against WCAG A and AA, and against its own best practices. */
async function violationsIn(page: Page, options: object): Promise<string[]> {
  return await page.evaluate(async (options) => {
    const { violations } = await globalThis.axe.run(options);
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }, options);
}

declare global {
  /** What axe-core leaves in the page. */
  var axe: {
    run(options: object): Promise<{
      violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
    }>;
  };
}
