import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import type { ConsoleRig } from "../console-rig.ts";

/** That the console can be used without a mouse, and with single keys switched off. */
export function keys({ start, open }: ConsoleRig): void {
  it("is used by keys: theme, new task, tabs, places, and none of it where one types", async () => {
    const { url, tasks } = await start();
    const page = await open(url);
    await ready(page);
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    const seen = [await theme()];
    for (let press = 0; press < 3; press++) {
      await page.keyboard.press("d");
      seen.push(await theme());
    }
    expect(seen).toEqual(["system", "light", "dark", "system"]);

    await page.keyboard.press("n");
    const dialog = page.getByRole("dialog", { name: "New task" });
    await dialog.getByLabel("Name (optional)").fill("nd?x");
    expect([await dialog.count(), await theme()]).toEqual([1, "system"]);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    for (const [key, place] of [
      ["a", "Agents"],
      ["s", "Schedules"],
      ["w", "Webhooks"],
      ["t", "Tasks"],
    ] as const) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.getByRole("heading", { level: 1, name: place }).waitFor();
    }

    const { task } = await tasks.create({ agent: "guide", name: "by keys" });
    await page.locator(".task-row").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "by keys" }).waitFor();
    const tab = () => page.locator("[role=tab][aria-selected=true]").textContent();
    await page.keyboard.press("4");
    expect(await tab()).toBe("State");
    await page.getByRole("tab", { name: "State" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await tab()).toBe("Children");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    expect(await tab()).toBe("Log");
    await page.keyboard.press("End");
    expect(await tab()).toBe("Details");
    // Right of the last is the first that there is: on a wide page the conversation is no tab.
    await page.keyboard.press("ArrowRight");
    expect(await tab()).toMatch(/^Mailbox/);
    await page.keyboard.press("c");
    await page.keyboard.type("d x 4");
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("d x 4");
    expect([await theme(), await page.getByRole("dialog").count()]).toEqual(["system", 0]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("x");
    await page.getByRole("dialog", { name: "Cancel the task?" }).waitFor();
    await page.keyboard.press("Escape");
    expect((await tasks.get(task.id)).cancellation).toBeUndefined();
  });

  it("writes to a task that asks something by the same key each time", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", event: "ask" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByRole("button", { name: "Send something else" }).waitFor();
    for (const text of ["one", " two"]) {
      await page.keyboard.press("c");
      await page.keyboard.type(text);
      await page.keyboard.press("Escape");
    }
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("one two");
  });

  it("takes what AltGr writes for a key of its own, and leaves Ctrl and Alt to the browser", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByText("Hello.").waitFor();
    // As a browser tells on Windows what a German keyboard writes.
    const press = (modifierAltGraph: boolean) =>
      page.evaluate((modifierAltGraph) => {
        const how = { key: "[", ctrlKey: true, altKey: true, bubbles: true, modifierAltGraph };
        document.body.dispatchEvent(new KeyboardEvent("keydown", how));
      }, modifierAltGraph);
    await press(false);
    await page.keyboard.press("6");
    await page.getByText("Created").waitFor();
    expect(await page.getByText("As it was after entry").count()).toBe(0);
    await press(true);
    await page.getByText("As it was after entry").waitFor();
  });

  it("leaves single keys alone once they are switched off, also after a reload", async () => {
    const { url } = await start();
    const page = await open(url);
    await ready(page);
    await page.keyboard.press("?");
    await page.getByLabel("Single keys are shortcuts").uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    for (const reload of [false, true]) {
      if (reload) await page.reload();
      await ready(page);
      for (const key of ["d", "n", "?", "g", "a"]) await page.keyboard.press(key);
      expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe("system");
      expect(await page.getByRole("dialog").count()).toBe(0);
      expect(new URL(page.url()).hash).not.toContain("agents");
    }
    await page.getByRole("button", { name: "Shortcuts" }).click();
    await page.getByLabel("Single keys are shortcuts").check();
    await page.keyboard.press("Escape");
    await page.keyboard.press("d");
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe("light");
  });
}

/** Waits until the page listens to keys: it does before it has an answer to show. */
async function ready(page: Page): Promise<void> {
  await page.getByText("No task is like that.").waitFor();
}
