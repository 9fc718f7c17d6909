import { join } from "node:path";
import { expect, it } from "vitest";
import { EventWait, type TasksClient } from "../../src/client/index.ts";
import { type ConsoleRig, screenshot, shownTexts } from "../console-rig.ts";
import { tempDir } from "../temp-dir.ts";

/** That the console shows the log, all of it, whatever happens, and goes back in it. */
export function following({ start, open }: ConsoleRig): void {
  it("survives a restart of the server in mid-stream, without a reload, a gap or a duplicate", async () => {
    const store = `sqlite:${join(tempDir(), "restart.db")}`;
    const never = new Promise<void>(() => {});
    const first = await start({ store, gates: { middle: () => never } });
    const { task } = await first.tasks.create({ agent: "guide", event: "stream" });
    const page = await open(`${first.url}/#/tasks/${task.id}`, { tolerates: [/^Failed to load resource/] });
    await page.getByText("This is the first half.").waitFor();
    await page.evaluate(() => {
      document.documentElement.dataset.kept = "yes";
    });
    await first.server.close();
    await page.getByText("reconnecting").waitFor();
    expect(await page.getByText("This is the first half.").count()).toBe(1);

    const { port } = first.server;
    const second = await start({ store, port });
    await page.getByText("And this is the second half.").waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await second.tasks.send(task.id, "bye", { wait: EventWait.PROCESSED });
    await page.getByText("completed", { exact: true }).waitFor();

    expect(await page.evaluate(() => document.documentElement.dataset.kept)).toBe("yes");
    expect(await shownTexts(page)).toEqual([
      "Hello. Say stream, tools, files, ask, poison, child or bye.",
      "stream",
      expect.stringMatching(/^Two halves\s+This is the first half\. And this is the second half\.$/),
      "bye",
    ]);
    await page.keyboard.press("3");
    const sequences = await page
      .locator("[data-sequence]")
      .evaluateAll((rows) => rows.map((row) => Number(row.getAttribute("data-sequence"))));
    expect(sequences.length).toBeGreaterThan(10);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
  });

  it("replays the log: the page shows the task as it was after any entry", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", name: "replay", event: "poison" });
    await tasks.send(task.id, "tools", { wait: EventWait.PROCESSED });
    const page = await open(`${url}/#/tasks/${task.id}`, {
      colorScheme: "dark",
      viewport: { width: 1100, height: 700 },
    });
    await page.locator(".markdown", { hasText: "Two rooms are free" }).waitFor();
    await page.keyboard.press("3");
    await page.getByLabel("Replay up to entry").fill(String(await placeOfFirstMessage(tasks, task.id)));
    await page.getByText("As it was after entry").waitFor();
    await expect
      .poll(() => shownTexts(page))
      .toEqual(["Hello. Say stream, tools, files, ask, poison, child or bye."]);
    expect(await page.getByLabel("Message", { exact: true }).isVisible()).toBe(false);
    await page.locator("h1").click();
    for (const key of ["]", "]", "]", "]", "]", "]", "]", "]", "["]) await page.keyboard.press(key);
    await screenshot(page, "console-log");
    await page.keyboard.press("Escape");
    await page.locator(".markdown", { hasText: "Two rooms are free" }).waitFor();
  });

  it("has no past to show before the log has come", async () => {
    const { url, tasks } = await start();
    await tasks.create({ agent: "guide" });
    const page = await open(url);
    const held = Promise.withResolvers<void>();
    await page.route("**/SubscribeTask", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.locator(".task-row").click();
    await page.getByText("Opening the task …").waitFor();
    await page.keyboard.press("[");
    held.resolve();
    await page.locator(".connection-live").waitFor();
    expect(await page.getByText("As it was after entry").count()).toBe(0);
  });
}

/** Which entry of a task's log, counted from 1, is the first of a message: the events may have come before it. */
async function placeOfFirstMessage(tasks: TasksClient, taskId: string): Promise<number> {
  let place = 0;
  for await (const { entry } of tasks.subscribe(taskId)) {
    place += 1;
    if (entry.case === "message") break;
  }
  return place;
}
