import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { EventWait } from "../../src/client/index.ts";
import { type ConsoleRig, shiftsOf, watchShifts } from "../console-rig.ts";

/** That a long conversation scrolls, and stays where its reader is. */
export function scrolling({ start, open }: ConsoleRig): void {
  it("of 10,000 messages has few of them in the page, wherever it is scrolled to", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    await tasks.send(task.id, "say 10000", { wait: EventWait.PROCESSED, waitTimeout: 60_000 });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByText("Line 10000.", { exact: true }).waitFor();
    expect(await page.locator("article.message").count()).toBeLessThan(60);
    await scrollTo(page, 0);
    await page.getByText("Line 1.", { exact: true }).waitFor();
    await scrollTo(page, 0.5);
    await page.waitForFunction(() =>
      /Line [45]\d\d\d\./.test(document.querySelector(".messages")?.textContent ?? ""),
    );
    expect(await page.locator("article.message").count()).toBeLessThan(60);
    const { work, long, nodes } = await scrollOn(page, 120, 100);
    console.info(
      `scrolling through 10,000 messages takes ${work.toFixed(1)} ms of work a frame; ` +
        `of 120 frames ${long.length} were long, on a machine that runs other tests as well`,
    );
    expect(nodes).toBeLessThan(60);
    // At 60 Hz a frame lasts 16.7 ms.
    expect(work).toBeLessThan(16.7);
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
  });

  it("of 10,000 messages stays where it is while it goes on, and nothing in it jumps", async () => {
    const gate = Promise.withResolvers<void>();
    const { url, tasks } = await start({ gates: { middle: () => gate.promise } });
    const { task } = await tasks.create({ agent: "guide" });
    await tasks.send(task.id, "say 10000", { wait: EventWait.PROCESSED, waitTimeout: 60_000 });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByText("Line 10000.", { exact: true }).waitFor();
    await scrollTo(page, 0.5);
    await page.getByRole("button", { name: "To the end" }).waitFor();
    const before = await firstInView(page);
    await watchShifts(page);
    await tasks.send(task.id, "stream");
    await page.getByLabel("In hand").getByRole("article").waitFor();
    gate.resolve();
    await tasks.send(task.id, "tools", { wait: EventWait.PROCESSED });
    await page.getByText("The mailbox is empty.").waitFor();
    expect(await firstInView(page)).toMatchObject({ text: before.text, top: before.top });
    expect(await shiftsOf(page)).toEqual([]);

    await page.getByRole("button", { name: "To the end" }).click();
    await page.getByText("Two rooms are free").waitFor();
    await tasks.send(task.id, "stream", { wait: EventWait.PROCESSED });
    await page.getByText("The mailbox is empty.").waitFor();
    await page.getByText("And this is the second half.").last().waitFor();
    // Who follows sees what was said move up: that is scrolling, which is no shift.
    const shifts = await shiftsOf(page);
    expect(shifts.reduce((sum, { value }) => sum + value, 0)).toBeLessThan(0.01);
  });

  it("is followed by whoever is at its end, and leaves whoever is not where they are", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    await tasks.send(task.id, "say 40", { wait: EventWait.PROCESSED });
    const page = await open(`${url}/#/tasks/${task.id}`);
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

/**
 * Scrolls on by so many pixels a frame, as a hand does that is in a hurry. Gives how long the page's thread worked for each frame, in ms of
 * its processor's time, which others on the machine do not add to; the tasks of more than 50 ms (https://w3c.github.io/longtasks); and how
 * many messages were in the page at most.
 */
async function scrollOn(page: Page, frames: number, pixels: number) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
  };
  const before = await worked();
  const seen = await page.locator("#conversation .scroller").evaluate(
    async (scroller, { frames, pixels }) => {
      const long: number[] = [];
      const observer = new PerformanceObserver((list) => {
        long.push(...list.getEntries().map(({ duration }) => Math.round(duration)));
      });
      observer.observe({ type: "longtask" });
      let nodes = 0;
      for (let frame = 0; frame < frames; frame++) {
        scroller.scrollTop += pixels;
        await new Promise(requestAnimationFrame);
        nodes = Math.max(nodes, scroller.querySelectorAll("article.message").length);
      }
      observer.disconnect();
      return { long, nodes };
    },
    { frames, pixels },
  );
  return { work: ((await worked()) - before) / frames, ...seen };
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
