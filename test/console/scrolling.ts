import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { EventWait } from "../../src/client/index.ts";
import type { ConsoleRig } from "../console-rig.ts";

/** That a long conversation scrolls, and stays where its reader is. */
export function scrolling({ start, open }: ConsoleRig): void {
  it("of 10,000 messages has few of them in the page, wherever it is scrolled to", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    await tasks.send(task.id, "say 10000", { wait: EventWait.PROCESSED, waitTimeout: 60_000 });
    await using watched = await open(`${url}/#/tasks/${task.id}`);
    const { page, complaints } = watched;
    await page.getByText("Line 10000.", { exact: true }).waitFor();
    expect(await page.locator("article.message").count()).toBeLessThan(60);
    await scrollTo(page, 0);
    await page.getByText("Line 1.", { exact: true }).waitFor();
    await scrollTo(page, 0.5);
    await page.waitForFunction(() =>
      /Line [45]\d\d\d\./.test(document.querySelector(".messages")?.textContent ?? ""),
    );
    expect(await page.locator("article.message").count()).toBeLessThan(60);
    await page.keyboard.press("b");
    await page.getByText("Line 10000.", { exact: true }).waitFor();

    await page.keyboard.press("3");
    await page.getByLabel("Replay up to entry").fill("6789");
    await page.locator("[aria-current=true] .text").waitFor();
    const said = await page.locator("[aria-current=true] .text").textContent();
    expect(said).toMatch(/^done: Line 67\d\d\.$/);
    await page.keyboard.press("b");
    await page
      .locator("article.message")
      .last()
      .getByText(said?.replace("done: ", "") ?? "")
      .waitFor();
    expect(complaints).toEqual([]);
  });

  it("is followed by whoever is at its end, and leaves whoever is not where they are", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    await tasks.send(task.id, "say 40", { wait: EventWait.PROCESSED });
    await using watched = await open(`${url}/#/tasks/${task.id}`);
    const { page } = watched;
    await page.getByText("Line 40.", { exact: true }).waitFor();
    await tasks.send(task.id, "tools", { wait: EventWait.PROCESSED });
    await page.getByText("Two rooms are free").waitFor();
    await page.waitForFunction(() => {
      const scroller = document.querySelector("#conversation .scroller");
      return scroller !== null && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2;
    });

    await scrollTo(page, 0.3);
    await page.getByRole("button", { name: "To the end" }).waitFor();
    const before = await firstInView(page);
    await tasks.send(task.id, "say 20", { wait: EventWait.PROCESSED });
    await page.getByText("The mailbox is empty.").waitFor();
    await page.waitForFunction(
      (height) => (document.querySelector(".messages")?.clientHeight ?? 0) > height,
      before.height,
    );
    expect(await firstInView(page)).toMatchObject({ text: before.text, top: before.top });
    await page.getByRole("button", { name: "To the end" }).click();
    await page.getByText("Line 20.", { exact: true }).last().waitFor();
  });
}

async function scrollTo(page: Page, share: number): Promise<void> {
  await page.locator("#conversation .scroller").evaluate((scroller, share) => {
    scroller.scrollTop = scroller.scrollHeight * share;
  }, share);
}

/** Which message is the first in view, where it stands, and how long the conversation is. */
async function firstInView(page: Page): Promise<{ text: string; top: number; height: number }> {
  return await page.locator("#conversation .scroller").evaluate((scroller) => {
    const { top } = scroller.getBoundingClientRect();
    const messages = [...scroller.querySelectorAll("article.message")];
    const first = messages.find((message) => message.getBoundingClientRect().bottom > top);
    return {
      text: first?.textContent ?? "",
      top: Math.round(first?.getBoundingClientRect().top ?? 0),
      height: scroller.querySelector(".messages")?.clientHeight ?? 0,
    };
  });
}
