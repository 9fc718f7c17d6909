import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { ListTasksRequestSchema, ListTasksResponseSchema } from "../../gen/pigeonhole/v1/task_service_pb.js";
import { EventWait, WebhookState } from "../../src/client/index.ts";
import { type ConsoleRig, screenshot, shiftsOf, watchShifts } from "../console-rig.ts";

/** The lists of the console, and its way about. */
export function finding({ start, open }: ConsoleRig): void {
  it("finds tasks by agent, state, label, name and words, and goes to them by keys", async () => {
    const { url, tasks } = await start();
    await tasks.create({ agent: "guide", name: "alpha one", labels: { team: "blue" } });
    await tasks.create({ agent: "guide", name: "alpha two", labels: { team: "red" } });
    const { task } = await tasks.create({ agent: "guide", name: "beta", event: "bye" });
    const page = await open(url);
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
    await page.locator("h1").click();
    await page.keyboard.press("/");
    await page.keyboard.type("alpha");
    await shown(2);
    await page.keyboard.type(" two");
    await shown(1);
    await page.getByLabel("Search").fill(task.id);
    await page.locator(".task-name", { hasText: "beta" }).waitFor();
    await shown(1);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "beta" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await shown(3);
    for (const key of ["j", "j", "j", "k", "Enter"]) await page.keyboard.press(key);
    await page.getByRole("heading", { level: 1, name: "alpha two" }).waitFor();
  });

  it("says so where it shows the tasks of an agent that is no more, and leads back from there", async () => {
    const { url, tasks } = await start();
    await tasks.create({ agent: "guide", name: "one" });
    const page = await open(`${url}/#/tasks?agent=gone`);
    await page.getByText("No task is like that.").waitFor();
    const agents = page.getByLabel("Agent");
    await agents.locator("option", { hasText: "guide" }).waitFor({ state: "attached" });
    expect(await agents.inputValue()).toBe("gone");
    await page.getByRole("button", { name: "New task" }).click();
    await page.getByRole("button", { name: "Create" }).click();
    await page.locator("header a", { hasText: "guide" }).waitFor();
    await page.goBack();
    await page.getByText("No task is like that.").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    await agents.selectOption("All agents");
    await expect.poll(() => page.locator(".task-row").count()).toBe(2);
  });

  it("lists agents, children, state, schedules and webhooks, and rules them", async () => {
    const { url, tasks, schedules, webhooks } = await start();
    await schedules.create({ name: "nightly", agent: "guide", cron: "0 3 * * *", event: "stream" });
    const { webhook } = await webhooks.create({ agent: "guide", url: "https://example.com/hook" });
    const { task } = await tasks.create({ agent: "guide", event: "child" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByRole("tab", { name: "Children" }).click();
    await page.getByText("kind=child").waitFor();
    await page.getByRole("tab", { name: "State" }).click();

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
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There is no outgoing webhook.").waitFor();
    expect(await webhooks.get(webhook.id).catch((error) => error.reason)).toBe("WEBHOOK_NOT_FOUND");
    await page.getByRole("link", { name: "Agents" }).click();
    await page.getByText("3 unfinished tasks").waitFor();
  });

  it("searches all tasks and not only those that are listed, and reads on when asked to", async () => {
    const { url, tasks } = await start();
    await tasks.create({ agent: "guide", name: "the oldest" });
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => tasks.create({ agent: "guide", name: `task ${n}` })),
    );
    const page = await open(url);
    const rows = page.locator(".task-row");
    await expect.poll(() => rows.count()).toBe(50);
    await page.getByLabel("Search").fill("the old");
    await expect.poll(() => rows.allInnerTexts()).toEqual([expect.stringContaining("the oldest")]);
    await page.getByLabel("Search").fill("");
    await expect.poll(() => rows.count()).toBe(50);
    await page.getByRole("button", { name: "Older tasks" }).click();
    await expect.poll(() => rows.count()).toBe(61);
  });

  it("reads on where a page has no task, and no further than to an error", async () => {
    const { url } = await start();
    const page = await open(`${url}/#/agents`, { provokes: [/status of 403/] });
    let refused = 0;
    let recovered = false;
    await page.route("**/ListTasks", async (route) => {
      const sent = route.request().postDataBuffer() ?? Buffer.of();
      const { pageToken } = fromBinary(ListTasksRequestSchema, sent);
      if (pageToken === "second" && !recovered) {
        refused += 1;
        return route.fulfill({ status: 403, json: { code: "permission_denied" } });
      }
      const pages = new Map<string, MessageInitShape<typeof ListTasksResponseSchema>>([
        ["", { nextPageToken: "first" }],
        ["first", { nextPageToken: "second" }],
        ["second", { tasks: [{ id: "t", name: "the oldest" }] }],
      ]);
      const answer = create(ListTasksResponseSchema, pages.get(pageToken));
      const body = Buffer.from(toBinary(ListTasksResponseSchema, answer));
      await route.fulfill({ contentType: "application/proto", body });
    });
    await page.goto(`${url}/#/tasks`);
    await page.getByText("None of the newest tasks is like that.").waitFor();
    const older = page.getByRole("button", { name: "Older tasks" });
    await older.click();
    // As often as the page tries by itself.
    await expect.poll(() => refused, { timeout: 30_000 }).toBe(3);
    await older.click();
    recovered = true;
    await page.locator(".task-name", { hasText: "the oldest" }).waitFor();
  });

  it("says so where there is more than a list shows", async () => {
    const { url, webhooks } = await start();
    const hook = { agent: "guide", url: "https://example.com/hook" };
    for (let made = 0; made <= 1000; made += 77) {
      await Promise.all(Array.from({ length: 77 }, () => webhooks.create(hook)));
    }
    const page = await open(`${url}/#/webhooks`);
    await page.getByText("the first 1000 are shown").waitFor();
    expect(await page.locator(".card").count()).toBe(1000);
  });

  it("shows a state of the list within about a second of its change, and nothing jumps", async () => {
    const { url, tasks } = await start();
    const names = ["one", "two", "three"];
    const made = await Promise.all(names.map((name) => tasks.create({ agent: "guide", name })));
    const page = await open(url);
    await expect.poll(() => page.locator(".badge", { hasText: "active" }).count()).toBe(3);
    await watchShifts(page);
    const [{ task } = { task: { id: "" } }] = made;
    await tasks.send(task.id, "bye", { wait: EventWait.PROCESSED });
    const begin = performance.now();
    await page.locator(".badge", { hasText: "completed" }).waitFor();
    expect(performance.now() - begin).toBeLessThan(3_000);
    expect(await shiftsOf(page)).toEqual([]);
  });

  it("shows the revisions of a state, what each changed, and in the past the one of then", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    for (const text of ["stream", "tools", "files"]) {
      await tasks.send(task.id, text, { wait: EventWait.PROCESSED });
    }
    const page = await open(`${url}/#/tasks/${task.id}`, { viewport: { width: 1100, height: 700 } });
    await page.getByRole("tab", { name: "State" }).click();
    await page.getByText('"turns": 3').waitFor();
    const difference = page.locator(".difference");
    expect(await difference.textContent()).toBe("turns−2+3");
    await screenshot(page, "console-state");
    await page.getByLabel("The revision before").click();
    await page.getByText('"turns": 2').waitFor();
    await page.getByLabel("Revision", { exact: true }).selectOption("Revision 1: turns");
    await page.getByText('"turns": 1').waitFor();
    await page.getByLabel("Revision", { exact: true }).selectOption("");
    await page.getByText('"turns": 3').waitFor();
    const states = await Array.fromAsync(tasks.states(task.id));
    const second = states.find(({ revision }) => revision === 2n);
    await page.getByRole("tab", { name: "Log" }).click();
    await page.locator(`[data-sequence="${second?.sequence}"]`).click();
    await page.getByRole("tab", { name: "State" }).click();
    await page.getByText('"turns": 2').waitFor();
    await page.locator("h1").click();
    await page.keyboard.press("[");
    await page.getByText('"turns": 1').waitFor();
    await page.keyboard.press("Escape");
    await page.getByText('"turns": 3').waitFor();
    await tasks.send(task.id, "stream");
    await page.getByText('"turns": 4').waitFor();
  });

  it("says of a state whether it is not kept any more, or nothing was ever stored", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByText("Hello.").waitFor();
    await page.keyboard.press("4");
    await page.keyboard.press("[");
    await page.getByText("Nothing was stored yet.").waitFor();
    await page.keyboard.press("Escape");
    await tasks.send(task.id, "stream", { wait: EventWait.PROCESSED });
    await tasks.send(task.id, "stream", { wait: EventWait.PROCESSED });
    await page.getByText('"turns": 2').waitFor();
    await page.keyboard.press("[");
    await page.getByText('"turns": 1').waitFor();
    // More than are kept, while the page shows the past.
    for (let turn = 0; turn < 12; turn++) await tasks.send(task.id, "say 1");
    await page.getByText("What the state was then is not kept any more").waitFor();
  });

  it("shows what a revision changed once it knows, and asks again until it does", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    for (let turn = 0; turn < 3; turn++) await tasks.send(task.id, "say 1", { wait: EventWait.PROCESSED });
    const page = await open(`${url}/#/tasks/${task.id}`, { tolerates: [/^Failed to load resource/] });
    await page.getByText("Hello.").waitFor();
    await page.keyboard.press("4");
    const difference = page.locator(".difference");
    await expect.poll(() => difference.allTextContents()).toEqual(["turns−2+3"]);
    await page.route("**/GetTaskState", (route) => route.abort());
    await page.getByLabel("The revision before").click();
    await page.getByRole("alert").waitFor();
    expect(await difference.count()).toBe(0);
    await page.unroute("**/GetTaskState");
    await expect.poll(() => difference.allTextContents(), { timeout: 10_000 }).toEqual(["turns−1+2"]);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it("has a policy that stops what would leave the page", async () => {
    const { url } = await start();
    const page = await open(url, { provokes: [/Content Security Policy/] });
    const left = page.evaluate(() =>
      fetch("http://example.invalid/").then(
        () => "left",
        () => "stopped",
      ),
    );
    expect(await left).toBe("stopped");
  });
}
