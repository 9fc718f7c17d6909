import { expect, it } from "vitest";
import reminder from "../examples/reminder.ts";
import { EventState, EventWait, type TaskUpdate } from "../src/proto.ts";
import type { Agent } from "../src/server/index.ts";
import { collect, isEvent, startRig } from "./agents/rig.ts";
import { createManualClock } from "./manual-clock.ts";

const halfMinute = 30_000;

it("the reminder example reminds at the time, and forgets when it is told to", async () => {
  const clock = createManualClock();
  await using rig = await startRig({}, { agents: [reminder], clock });
  const { task } = await rig.tasks.create({ agent: "reminder" });
  await say("in 30 seconds: stretch");
  await say("in 2 hours: go home");
  await say("soon, please");
  const [stretch] = await collect(rig.tasks.events(task.id, { states: [EventState.SCHEDULED] }));
  expect(stretch?.deliverTime).toBeDefined();

  await clock.armed(halfMinute);
  clock.advance(halfMinute);
  await rig.until(
    task.id,
    ({ entry }) =>
      entry.case === "event" && entry.value.id === stretch?.id && entry.value.state === EventState.PROCESSED,
  );
  await say("forget");
  expect(await rig.texts(task.id)).toEqual([
    "In 30 seconds, then.",
    "In 2 hours, then.",
    'Say it like this: "in 10 minutes: stretch".',
    "It is time: stretch",
    "I have forgotten 1.",
  ]);
  const states = (await collect(rig.tasks.events(task.id))).map(({ state }) => state);
  expect(states.filter((state) => state === EventState.DROPPED)).toHaveLength(1);
  expect(states).not.toContain(EventState.SCHEDULED);

  async function say(text: string): Promise<void> {
    const { event } = await rig.tasks.send(task.id, text);
    await rig.until(task.id, isEvent(EventState.PROCESSED, event.sequence));
  }
});

it("the reminder example says what it cannot be asked for", async () => {
  await using rig = await startRig({}, { agents: [reminder] });
  const { task } = await rig.tasks.create({ agent: "reminder" });
  for (const mistake of ["in 5 constructors: stretch", "in 99999 days: stretch"]) {
    const { event } = await rig.tasks.send(task.id, mistake, { wait: EventWait.PROCESSED });
    expect(event).toMatchObject({ state: EventState.PROCESSED, attempt: 1 });
  }
  expect(await rig.texts(task.id)).toEqual([
    'Say it like this: "in 10 minutes: stretch".',
    "I cannot promise to be there then: ten years are the most.",
  ]);
});

it("the reminder example has so many things in mind, and says so", async () => {
  await using rig = await startRig({}, { agents: [reminder] });
  const { task } = await rig.tasks.create({ agent: "reminder" });
  for (let n = 1; n <= 101; n++) await rig.tasks.send(task.id, `in ${n} hours: stretch`);
  await rig.tasks.send(task.id, "forget", { wait: EventWait.PROCESSED });
  expect((await rig.texts(task.id)).slice(-3)).toEqual([
    "In 100 hours, then.",
    "I have 100 things in mind, and no room for more.",
    "I have forgotten 100.",
  ]);
});

it("the reminder example says nothing of what comes while it is told to forget it", async () => {
  const clock = createManualClock();
  const delivered = Promise.withResolvers<void>();
  const patient: Agent = {
    ...reminder,
    async onTaskEventSend(ctx, event) {
      if (event.text === "forget") await delivered.promise;
      await reminder.onTaskEventSend?.(ctx, event);
    },
  };
  await using rig = await startRig({}, { agents: [patient], clock });
  const { task } = await rig.tasks.create({ agent: "reminder" });
  await rig.tasks.send(task.id, "in 30 seconds: stretch", { wait: EventWait.PROCESSED });
  const { event: forget } = await rig.tasks.send(task.id, "forget");
  await rig.until(task.id, isEvent(EventState.PROCESSING, forget.sequence));
  await clock.armed(halfMinute);
  clock.advance(halfMinute);
  const log = await rig.until(
    task.id,
    ({ sequence, entry }) => sequence > forget.sequence && isQueued(entry),
  );
  delivered.resolve();
  await rig.until(task.id, isEvent(EventState.PROCESSED, log.at(-1)?.sequence));
  expect(await rig.texts(task.id)).toEqual(["In 30 seconds, then.", "I have forgotten 1."]);

  function isQueued(entry: TaskUpdate["entry"]): boolean {
    return entry.case === "event" && entry.value.state === EventState.QUEUED;
  }
});
