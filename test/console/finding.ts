import { expect, it } from "vitest";
import { WebhookState } from "../../src/client/index.ts";
import type { ConsoleRig } from "../console-rig.ts";

/** The lists of the console, and its way about. */
export function finding({ start, open }: ConsoleRig): void {
  it("finds tasks by agent, state, label, name and words, and goes to them by keys", async () => {
    const { url, tasks } = await start();
    await tasks.create({ agent: "guide", name: "alpha one", labels: { team: "blue" } });
    await tasks.create({ agent: "guide", name: "alpha two", labels: { team: "red" } });
    const { task } = await tasks.create({ agent: "guide", name: "beta", event: "bye" });
    await using watched = await open(url);
    const { page, complaints } = watched;
    const names = page.locator(".task-name");
    const shown = (count: number) =>
      page.waitForFunction((n) => document.querySelectorAll(".task-name").length === n, count);
    await shown(3);
    await page.locator(".badge", { hasText: "completed" }).waitFor();
    await page.getByLabel("State").selectOption("finished");
    await shown(1);
    expect(await names.allTextContents()).toEqual(["beta"]);
    await page.getByLabel("State").selectOption("All states");
    await page.getByLabel("Labels").fill("team=red");
    await shown(1);
    expect(await names.allTextContents()).toEqual(["alpha two"]);
    await page.getByLabel("Labels").fill("");
    await page.getByLabel("Name begins with").fill("alpha");
    await shown(2);
    await page.getByLabel("Name begins with").fill("");
    await shown(3);
    await page.locator("h1").click();
    await page.keyboard.press("/");
    await page.keyboard.type("one blue");
    await shown(1);
    await page.getByLabel("Search").fill(task.id);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "beta" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await shown(3);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "alpha two" }).waitFor();
    expect(complaints).toEqual([]);
  });

  it("lists agents, children, state, schedules and webhooks, and rules them", async () => {
    const { url, tasks, schedules, webhooks } = await start();
    await schedules.create({ name: "nightly", agent: "guide", cron: "0 3 * * *", event: "stream" });
    const { webhook } = await webhooks.create({ agent: "guide", url: "https://example.com/hook" });
    const { task } = await tasks.create({ agent: "guide", event: "child" });
    await using watched = await open(`${url}/#/tasks/${task.id}`);
    const { page, complaints } = watched;
    await page.getByRole("tab", { name: "Children" }).click();
    await page.getByText("kind=child").waitFor();
    await page.getByRole("tab", { name: "State" }).click();
    await page.getByText('"turns": 1').waitFor();

    await page.getByRole("link", { name: "Schedules" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("paused").waitFor();
    expect((await schedules.get("nightly")).paused).toBe(true);
    await page.getByRole("button", { name: "Trigger now" }).click();
    await page.getByText("1 time,").waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There is no schedule.").waitFor();

    await page.getByRole("link", { name: "Webhooks" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    expect((await webhooks.get(webhook.id)).state).toBe(WebhookState.PAUSED);
    await page.getByRole("link", { name: "Agents" }).click();
    await page.getByText("3 unfinished tasks").waitFor();
    expect(complaints).toEqual([]);
  });

  it("has a policy that stops what would leave the page", async () => {
    const { url } = await start();
    await using watched = await open(url);
    const { page, complaints } = watched;
    const left = page.evaluate(() =>
      fetch("http://example.invalid/").then(
        () => "left",
        () => "stopped",
      ),
    );
    expect(await left).toBe("stopped");
    await expect.poll(() => complaints.join()).toContain("Content Security Policy");
  });
}
