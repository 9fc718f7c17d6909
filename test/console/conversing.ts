import { expect, it } from "vitest";
import { EventState, EventWait, TaskState } from "../../src/client/index.ts";
import { type ConsoleRig, screenshot, shiftsOf, shownTexts, watchShifts } from "../console-rig.ts";

/** What one does with a task in the console. */
export function conversing({ start, open }: ConsoleRig): void {
  it("makes a task, and shows its conversation as it streams", async () => {
    const gate = Promise.withResolvers<void>();
    const { url } = await start({ gates: { middle: () => gate.promise } });
    const page = await open(url);
    await page.getByRole("button", { name: "New task" }).click();
    await page.getByLabel("First event").fill("stream");
    await page.getByLabel("Name (optional)").fill("dinner");
    await page.getByRole("button", { name: "Create" }).click();

    const answer = page.locator("article.message").last();
    await answer.getByText("This is the first half.").waitFor();
    expect(await answer.getAttribute("aria-busy")).toBe("true");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("dinner");
    expect(await page.getByLabel("In hand").getByRole("article").count()).toBe(1);
    await watchShifts(page);
    gate.resolve();
    await answer.getByText("And this is the second half.").waitFor();
    await page.getByText("The mailbox is empty.").waitFor();
    expect(await answer.getAttribute("aria-busy")).toBe("false");
    expect(await shiftsOf(page)).toEqual([]);
  });

  it("shows what the agent was told where the agent does not show it itself: once, and in its place", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    await tasks.send(task.id, "stream", { type: "aside", sender: "Ada" });
    await tasks.send(task.id, "bye", { wait: EventWait.PROCESSED });
    const page = await open(`${url}/#/tasks/${task.id}`);
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
  });

  it("shows Markdown, tools with their results and files, and runs nothing of what it shows", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", event: "files" });
    await tasks.send(task.id, "tools");
    const page = await open(`${url}/#/tasks/${task.id}`, { viewport: { width: 1100, height: 700 } });
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
  });

  it("has no links to footnotes, which would open the console anew, or to what runs scripts", async () => {
    const { url, tasks } = await start();
    const text =
      "See [this](https://example.com/), [that](javascript:alert(1)) and more.[^1]\n\n[^1]: The *source*.";
    const { task } = await tasks.create({ agent: "guide", event: text });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByText("source").waitFor();
    expect(await page.locator(".markdown").getByRole("link").allTextContents()).toEqual(["this"]);
  });

  it("shows each tool with its own result, though the agent counts them anew in every turn", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", event: "tools" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    const calls = page.locator("details.tool");
    await expect.poll(() => calls.count()).toBe(2);
    await tasks.send(task.id, "tools", { wait: EventWait.PROCESSED });
    await expect
      .poll(() => calls.allInnerTexts())
      .toEqual(
        [/^find_tables\s*done/, /^weather\s*failed/, /^find_tables\s*done/, /^weather\s*failed/].map((line) =>
          expect.stringMatching(line),
        ),
      );
  });

  it("asks with a form made from the question's schema, and tells what is wrong with an answer", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", name: "booking", event: "ask" });
    const page = await open(`${url}/#/tasks/${task.id}`, {
      colorScheme: "dark",
      viewport: { width: 360, height: 720 },
      // The browser notes by itself what was refused.
      provokes: [/400/],
    });
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
  });

  it("shows a dead letter with its reason, and redrives it", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    await page.getByLabel("Message", { exact: true }).fill("poison");
    await page.keyboard.press("Control+Enter");
    const dead = page.getByLabel("Dead-lettered");
    await dead.getByText("the kitchen is closed").waitFor();
    await dead.getByRole("button", { name: "Redrive" }).click();
    await page.getByText("The kitchen is open again.").waitFor();
    await page.getByText("The mailbox is empty.").waitFor();
  });

  it("offers no redrive once the task has ended", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", event: "poison" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    const dead = page.getByLabel("Dead-lettered");
    await dead.getByRole("button", { name: "Redrive" }).waitFor();
    await tasks.send(task.id, "bye");
    await page.getByText("completed", { exact: true }).waitFor();
    await dead.getByText("the kitchen is closed").waitFor();
    expect(await dead.getByRole("button").count()).toBe(0);
  });

  it("takes back what waits, sends parts in JSON, interrupts, and cancels with a reason", async () => {
    const gate = Promise.withResolvers<void>();
    const { url, tasks } = await start({ gates: { middle: () => gate.promise } });
    const { task } = await tasks.create({ agent: "guide", event: "stream" });
    const page = await open(`${url}/#/tasks/${task.id}`);
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
  });

  it("sends parts as they are written in JSON, to be refused by a task that is busy, or delivered later", async () => {
    const gate = Promise.withResolvers<void>();
    const { url, tasks } = await start({ gates: { middle: () => gate.promise } });
    const { task } = await tasks.create({ agent: "guide", event: "stream" });
    const page = await open(`${url}/#/tasks/${task.id}`, { tolerates: [/400/] });
    await page.getByText("This is the first half.").waitFor();
    const composer = page.getByRole("form", { name: "Send an event" });
    await composer.getByLabel("If the task is busy").selectOption("be refused");
    await composer.getByLabel("Message").fill("not now");
    await composer.getByRole("button", { name: "Send" }).click();
    await composer.getByText("TASK_BUSY").waitFor();
    await composer.getByLabel("If the task is busy").selectOption("steer the running turn");
    await composer.getByRole("button", { name: "Send" }).click();
    const queued = page.getByLabel("Queued");
    await queued.getByText("not now").waitFor();
    expect(await queued.locator(".badge").allInnerTexts()).toContain("steer");
    await composer.getByLabel("JSON").check();
    const parts = composer.getByLabel("Parts in JSON");
    for (const wrong of ["[1]", "{", '"text"']) {
      await parts.fill(wrong);
      await parts.press("Control+Enter");
      await composer.getByRole("alert").waitFor();
      expect(await parts.inputValue()).toBe(wrong);
    }
    await composer.getByText("More").click();
    await composer.getByLabel("Type").fill("order");
    await composer.getByLabel("Deliver at").fill("2035-01-02T03:04");
    await composer.getByText("More").click();
    await parts.fill('[{"text": "tea"}, {"data": {"cups": 2}}]');
    await parts.press("Control+Enter");
    const scheduled = page.getByLabel("Scheduled");
    await scheduled.getByText('"cups": 2').waitFor();
    const [event] = await Array.fromAsync(tasks.events(task.id, { states: [EventState.SCHEDULED] }));
    expect(event).toMatchObject({ type: "order", sender: "console" });
    const local = await page.evaluate(() => new Date("2035-01-02T03:04").getTime());
    expect(Number(event?.deliverTime?.seconds) * 1000).toBe(local);
    // The time was that of one event.
    await parts.fill('{"text": "milk"}');
    await parts.press("Control+Enter");
    await queued.getByText("milk").waitFor();
    gate.resolve();
  });

  it("sends once what is sent in a hurry, and keeps what is written meanwhile", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    const held = Promise.withResolvers<void>();
    await page.route("**/SendEvent", async (route) => {
      await held.promise;
      await route.continue();
    });
    const message = page.getByLabel("Message", { exact: true });
    const send = page.getByRole("button", { name: "Send" });
    await message.fill("say 1");
    await message.press("Control+Enter");
    await expect.poll(() => send.isDisabled()).toBe(true);
    await message.press("Control+Enter");
    await message.fill("and then");
    await page.getByText("More", { exact: true }).click();
    await page.getByLabel("Deliver at").fill("2035-01-02T03:04");
    held.resolve();
    await page.getByText("Line 1.").waitFor();
    await expect.poll(() => send.isDisabled()).toBe(false);
    expect(await message.inputValue()).toBe("and then");
    expect(await page.getByLabel("Deliver at").inputValue()).toBe("2035-01-02T03:04");
    expect(await Array.fromAsync(tasks.events(task.id))).toHaveLength(1);
  });

  it("keeps what one writes while a question comes and goes, and while one looks at the past", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    const message = page.getByLabel("Message", { exact: true });
    await message.fill("I was about to say");
    await tasks.send(task.id, "ask");
    const guests = page.getByLabel("Guests");
    await guests.fill("4");
    expect(await message.inputValue()).toBe("I was about to say");
    await page.locator("h1").click();
    await page.keyboard.press("[");
    await page.getByText("As it was after entry").waitFor();
    expect([await guests.isVisible(), await message.isVisible()]).toEqual([false, false]);
    await page.keyboard.press("Escape");
    await guests.waitFor();
    expect([await guests.inputValue(), await message.inputValue()]).toEqual(["4", "I was about to say"]);
    const answers = (await tasks.get(task.id)).question?.id ?? "";
    await tasks.send(task.id, { data: { approved: true, guests: 2 } }, { answers });
    await guests.waitFor({ state: "detached" });
    expect(await message.inputValue()).toBe("I was about to say");
    await tasks.send(task.id, "ask");
    await guests.waitFor();
    await message.fill("");
    await message.pressSequentially("No");
    expect(await message.inputValue()).toBe("No");
  });

  it("asks in JSON what its form has no fields for", async () => {
    const { url, tasks } = await start();
    const { task } = await tasks.create({ agent: "guide", event: "ask for a list" });
    const page = await open(`${url}/#/tasks/${task.id}`);
    const form = page.getByRole("form", { name: "Answer the question" });
    await form.getByLabel("Answer in JSON").fill("[1, ");
    await form.getByRole("button", { name: "Answer" }).click();
    await form.getByText("The answer is no JSON").waitFor();
    await form.getByLabel("Answer in JSON").fill("[1, 2]");
    await form.getByRole("button", { name: "Answer" }).click();
    await form.waitFor({ state: "detached" });
    expect(JSON.parse((await page.locator(".message-user .json").textContent()) ?? "")).toEqual([1, 2]);
  });
}
