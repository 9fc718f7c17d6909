import { expect, it } from "vitest";
import { EventWait, TaskState } from "../../src/client/index.ts";
import { type ConsoleRig, screenshot, shownTexts } from "../console-rig.ts";

/** What one does with a task in the console. */
export function conversing({ start, open }: ConsoleRig): void {
  it("makes a task, and shows its conversation as it streams", async () => {
    const gate = Promise.withResolvers<void>();
    const { url } = await start({ gates: { middle: () => gate.promise } });
    await using watched = await open(url);
    const { page, complaints } = watched;
    await page.getByRole("button", { name: "New task" }).click();
    await page.getByLabel("First event").fill("stream");
    await page.getByLabel("Name (optional)").fill("dinner");
    await page.getByRole("button", { name: "Create" }).click();

    const answer = page.locator("article.message").last();
    await answer.getByText("This is the first half.").waitFor();
    expect(await answer.getAttribute("aria-busy")).toBe("true");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("dinner");
    expect(await page.getByLabel("In hand").getByRole("article").count()).toBe(1);
    await page.evaluate(() => {
      globalThis.shifts = [];
      const observer = new PerformanceObserver((list) => {
        for (const { sources = [] } of list.getEntries() as LayoutShift[]) {
          globalThis.shifts.push(...sources.map(({ node }) => node?.parentElement?.outerHTML ?? ""));
        }
      });
      observer.observe({ type: "layout-shift" });
    });
    gate.resolve();
    await answer.getByText("And this is the second half.").waitFor();
    await page.getByText("The mailbox is empty.").waitFor();
    expect(await answer.getAttribute("aria-busy")).toBe("false");
    expect(await page.evaluate(() => globalThis.shifts)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it("shows what the agent was told where the agent does not show it itself: once, and in its place", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    await tasks.send(task.id, "stream", { type: "aside", sender: "Ada" });
    await tasks.send(task.id, "bye", { wait: EventWait.PROCESSED });
    await using watched = await open(`${url}/#/tasks/${task.id}`);
    const { page, complaints } = watched;
    await page.getByText("completed", { exact: true }).waitFor();
    expect(await page.locator("article.message header").allTextContents()).toEqual([
      expect.stringMatching(/^Agent/),
      expect.stringMatching(/^Adaaside/),
      expect.stringMatching(/^Agent/),
      expect.stringMatching(/^User/),
    ]);
    expect(await shownTexts(page)).toEqual([
      expect.stringMatching(/^Hello/),
      "stream",
      expect.stringMatching(/^Two halves/),
      "bye",
    ]);
    expect(complaints).toEqual([]);
  });

  it("shows Markdown, tools with their results and files, and runs nothing of what it shows", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", event: "files" });
    await tasks.send(task.id, "tools");
    await using watched = await open(`${url}/#/tasks/${task.id}`, { viewport: { width: 1100, height: 700 } });
    const { page, complaints } = watched;
    await page.getByRole("cell", { name: "Garden" }).waitFor();
    await page.getByText("find_tables").click();
    await page.getByText('"free"').waitFor();
    expect(await page.locator("details.tool").allInnerTexts()).toEqual([
      expect.stringMatching(/^find_tables\s*done/),
      expect.stringMatching(/^weather\s*failed/),
    ]);
    await page.getByText('<script>alert("not run")</script>').waitFor();
    expect(await page.locator("main script").count()).toBe(0);
    expect(await page.getByText("a table for four").isVisible()).toBe(false);
    await page.getByText("Reasoning").click();
    expect(await page.getByText("a table for four").isVisible()).toBe(true);
    expect(
      await page.getByRole("img", { name: "dot.png" }).evaluate((image) => image.clientWidth),
    ).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });

  it("asks with a form made from the question's schema, and tells what is wrong with an answer", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", name: "booking", event: "ask" });
    await using watched = await open(`${url}/#/tasks/${task.id}`, {
      colorScheme: "dark",
      viewport: { width: 360, height: 720 },
    });
    const { page, complaints } = watched;
    const form = page.getByRole("form", { name: "Answer the question" });
    await form.getByLabel("Approved").selectOption("yes");
    await form.getByLabel("Guests").fill("4");
    await form.getByLabel("Room").selectOption("garden");
    await form.getByLabel("Note").fill("no nuts");
    await screenshot(page, "console-question");
    await form.getByLabel("Note").fill("no nuts!");
    await form.getByRole("button", { name: "Answer" }).click();
    await form.getByRole("alert").getByText("must match pattern").waitFor();
    await form.getByLabel("Note").fill("no nuts");
    await form.getByRole("button", { name: "Answer" }).click();
    await page.locator(".message-user .json").waitFor();
    expect(JSON.parse((await page.locator(".message-user .json").textContent()) ?? "")).toEqual({
      approved: true,
      guests: 4,
      room: "garden",
      note: "no nuts",
    });
    expect(await form.count()).toBe(0);
    // The browser notes by itself what was refused.
    expect(complaints).toEqual([expect.stringContaining("400")]);
  });

  it("shows a dead letter with its reason, and redrives it", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    await using watched = await open(`${url}/#/tasks/${task.id}`);
    const { page, complaints } = watched;
    await page.getByLabel("Message", { exact: true }).fill("poison");
    await page.keyboard.press("Control+Enter");
    const dead = page.getByLabel("Dead-lettered");
    await dead.getByText("the kitchen is closed").waitFor();
    await dead.getByRole("button", { name: "Redrive" }).click();
    await page.getByText("The kitchen is open again.").waitFor();
    await page.getByText("The mailbox is empty.").waitFor();
    expect(complaints).toEqual([]);
  });

  it("takes back what waits, sends parts in JSON, interrupts, and cancels with a reason", async () => {
    const gate = Promise.withResolvers<void>();
    const { url, tasks } = await start({ gates: { middle: () => gate.promise } });
    const { task } = await tasks.create({ agent: "guide", event: "stream" });
    await using watched = await open(`${url}/#/tasks/${task.id}`);
    const { page, complaints } = watched;
    await page.getByLabel("JSON", { exact: true }).check();
    await page.getByLabel("Parts in JSON").fill('{"data": {"guests": 4}}');
    await page.getByRole("button", { name: "Send" }).click();
    const queued = page.getByLabel("Queued");
    await queued.getByText('"guests": 4').waitFor();
    await queued.getByRole("button", { name: "Take back" }).click();
    await queued.waitFor({ state: "detached" });

    await page.locator("h1").click();
    await page.keyboard.press("i");
    await page.getByRole("dialog", { name: "Interrupt the turn?" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByLabel("In hand").waitFor({ state: "detached" });
    expect((await tasks.get(task.id)).state).toBe(TaskState.ACTIVE);
    await page.keyboard.press("x");
    await page.getByLabel("Reason").fill("it rains");
    await page.keyboard.press("Enter");
    await page.getByText("I stop here: it rains").waitFor();
    await page.getByText("cancelled", { exact: true }).waitFor();
    expect((await tasks.get(task.id)).state).toBe(TaskState.CANCELLED);
    gate.resolve();
    expect(complaints).toEqual([]);
  });
}

declare global {
  /** What has jumped in the page. */
  var shifts: string[];

  /** Chromium's, of the Layout Instability API. */
  interface LayoutShift extends PerformanceEntry {
    sources?: { node: Node | null }[];
  }
}
