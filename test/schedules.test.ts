import { timestampDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  Missed,
  type NewSchedule,
  OnBusy,
  Overlap,
  PigeonholeError,
  type Schedule,
  TaskState,
} from "../src/client/index.ts";
import { collect, createGate, isTask } from "./agents/rig.ts";
import { hour, midnight, minute, startSchedules } from "./schedules-rig.ts";

const nightly: NewSchedule = { name: "nightly", agent: "rig", cron: "0 3 * * *", event: "Tidy up." };

/** What a schedule fires next, as in `2027-01-01T03:00:00.000Z`. */
function nextOf({ nextTime }: Schedule): string | undefined {
  return nextTime && timestampDate(nextTime).toISOString();
}

/** Waits for a call that must be refused, and tells for which reason and because of which fields. */
async function refusal(
  call: Promise<unknown>,
): Promise<{ reason: string; fields: string[]; message: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof PigeonholeError)) throw new Error("it was not refused", { cause: error });
  return { reason: error.reason, fields: error.fields.map(({ field }) => field), message: error.message };
}

describe("a schedule", () => {
  it("is what it was made as, with its next time", async () => {
    await using rig = await startSchedules();
    const made = await rig.schedules.create({
      ...nightly,
      timeZone: "Europe/Berlin",
      missed: Missed.ALL,
      overlap: Overlap.SKIP,
      taskName: "housekeeping",
      params: { depth: 2 },
      labels: { kind: "chore" },
    });
    expect(made).toMatchObject({
      name: "nightly",
      agent: "rig",
      spec: { cron: "0 3 * * *", timeZone: "Europe/Berlin", missed: Missed.ALL, overlap: Overlap.SKIP },
      action: { taskName: "housekeeping", params: { depth: 2 }, labels: { kind: "chore" } },
      paused: false,
      declared: false,
      fired: 0n,
      skipped: 0n,
      lastError: "",
    });
    expect(made.action?.event?.parts).toMatchObject([{ content: { case: "text", value: "Tidy up." } }]);
    expect(nextOf(made)).toBe("2027-01-01T02:00:00.000Z");
    expect(await rig.schedules.get("nightly")).toEqual(made);
  });

  it("puts its event into the mailbox, with its name and the time", async () => {
    await using rig = await startSchedules();
    await rig.schedules.create({ ...nightly, event: { parts: [{ text: "Tidy up." }], type: "chore" } });
    rig.clock.advance(3 * hour);
    const [first] = await rig.until(1);
    expect(first).toEqual({
      taskId: expect.any(String),
      schedule: "nightly",
      time: "2027-01-01T03:00:00.000Z",
      text: "Tidy up.",
      type: "chore",
      sender: "schedule:nightly",
    });
    const after = await rig.schedules.get("nightly");
    expect(after).toMatchObject({ fired: 1n, lastTaskId: first?.taskId });
    expect(nextOf(after)).toBe("2027-01-02T03:00:00.000Z");
  });

  it("keeps the sender and the metadata that it was given", async () => {
    await using rig = await startSchedules();
    const event = { parts: [{ text: "" }], sender: "ops", metadata: { a: 1, schedule: "mine" } };
    await rig.schedules.create({ ...nightly, event });
    const { task } = await rig.schedules.trigger("nightly");
    await rig.until(1);
    expect(await collect(rig.tasks.events(task.id))).toMatchObject([
      { sender: "ops", metadata: { a: 1, schedule: { name: "nightly", time: "2027-01-01T00:00:00.000Z" } } },
    ]);
  });

  it("does to a busy task what its agent says, unless its event says other", async () => {
    await using rig = await startSchedules({ onBusy: "steer" });
    await rig.schedules.create(nightly);
    await rig.schedules.create({
      ...nightly,
      name: "patient",
      event: { parts: [{ text: "" }], onBusy: "ON_BUSY_QUEUE" },
    });
    for (const [name, onBusy] of [
      ["nightly", OnBusy.STEER],
      ["patient", OnBusy.QUEUE],
    ] as const) {
      const { task } = await rig.schedules.trigger(name);
      expect(await collect(rig.tasks.events(task.id))).toMatchObject([{ onBusy }]);
    }
  });

  it("makes a task without an event when it has none", async () => {
    await using rig = await startSchedules({ onTaskCreate: (ctx) => ctx.complete("made") });
    const { event: _, ...empty } = nightly;
    await rig.schedules.create({ ...empty, params: { a: 1 }, labels: { by: "schedule" } });
    const { task } = await rig.schedules.trigger("nightly");
    expect(task).toMatchObject({
      agent: "rig",
      params: { a: 1 },
      labels: { by: "schedule" },
      pendingEvents: 0,
    });
    await collect(rig.tasks.subscribe(task.id));
    expect(await rig.tasks.get(task.id)).toMatchObject({ state: TaskState.COMPLETED });
  });

  it("sends to the task of its name again and again, and to a new one each time without a name", async () => {
    await using rig = await startSchedules();
    await rig.schedules.create({ ...nightly, name: "named", taskName: "one", cron: "0 * * * *" });
    await rig.schedules.create({ ...nightly, name: "unnamed", cron: "0 * * * *" });
    for (let n = 1; n <= 3; n++) {
      rig.clock.advance(hour);
      await rig.until(2 * n);
    }
    const ids = (name: string) =>
      new Set(rig.heard.filter(({ schedule }) => schedule === name).map(({ taskId }) => taskId));
    expect(ids("named").size).toBe(1);
    expect(ids("unnamed").size).toBe(3);
  });

  it("is listed by name, by its agent, page by page", async () => {
    await using rig = await startSchedules();
    for (const name of ["c", "a", "b"]) await rig.schedules.create({ ...nightly, name });
    const names = async (filters = {}) =>
      (await collect(rig.schedules.list(filters))).map(({ name }) => name);
    expect(await names()).toEqual(["a", "b", "c"]);
    expect(await names({ pageSize: 1, agent: "rig" })).toEqual(["a", "b", "c"]);
    expect(await names({ agent: "other" })).toEqual([]);
  });

  it("is made once, however often the request comes", async () => {
    await using rig = await startSchedules();
    const made = await rig.schedules.create({ ...nightly, requestId: "r" });
    expect(await rig.schedules.create({ ...nightly, requestId: "r" })).toEqual(made);
    expect(await refusal(rig.schedules.create(nightly))).toMatchObject({ reason: "SCHEDULE_EXISTS" });
    const other = rig.schedules.create({ ...nightly, cron: "0 4 * * *", requestId: "r" });
    expect(await refusal(other)).toMatchObject({ reason: "REQUEST_ID_REUSED" });
  });
});

describe("a schedule that is paused", () => {
  it("fires no more until it is resumed, and then with what is ahead", async () => {
    await using rig = await startSchedules();
    await rig.schedules.create({ ...nightly, cron: "0 * * * *", missed: Missed.ALL });
    await rig.schedules.create({ ...nightly, name: "witness", cron: "0 * * * *" });
    const paused = await rig.schedules.pause("nightly", { reason: "holidays" });
    expect(paused).toMatchObject({ paused: true, pauseReason: "holidays" });
    expect(nextOf(paused)).toBeUndefined();
    expect(await rig.schedules.pause("nightly")).toEqual(paused);
    for (let n = 1; n <= 3; n++) {
      rig.clock.advance(hour);
      await rig.until(n);
    }
    const resumed = await rig.schedules.resume("nightly");
    expect(resumed).toMatchObject({ paused: false, pauseReason: "", fired: 0n, skipped: 0n });
    expect(nextOf(resumed)).toBe("2027-01-01T04:00:00.000Z");
    expect(await rig.schedules.resume("nightly")).toEqual(resumed);
    rig.clock.advance(hour);
    await rig.until(5);
    expect(rig.heard.filter(({ schedule }) => schedule === "nightly").map(({ time }) => time)).toEqual([
      "2027-01-01T04:00:00.000Z",
    ]);
  });

  it("may begin so", async () => {
    await using rig = await startSchedules();
    const made = await rig.schedules.create({ ...nightly, paused: true });
    expect(made).toMatchObject({ paused: true });
    expect(nextOf(await rig.schedules.resume("nightly"))).toBe("2027-01-01T03:00:00.000Z");
  });

  it("does not fire for a time again when it is resumed under a clock that was set back", async () => {
    await using rig = await startSchedules();
    await rig.schedules.create(nightly);
    rig.clock.advance(3 * hour);
    await rig.until(1);
    rig.clock.set(midnight);
    await rig.schedules.pause("nightly");
    expect(nextOf(await rig.schedules.resume("nightly"))).toBe("2027-01-02T03:00:00.000Z");
  });
});

describe("a schedule that is triggered", () => {
  it("fires at once, beside its times, also while it is paused", async () => {
    await using rig = await startSchedules();
    await rig.schedules.create({ ...nightly, paused: true });
    rig.clock.advance(minute);
    const { task, schedule, duplicate } = await rig.schedules.trigger("nightly");
    expect(await rig.until(1)).toMatchObject([{ taskId: task.id, time: "2027-01-01T00:01:00.000Z" }]);
    expect(duplicate).toBe(false);
    expect(schedule).toMatchObject({ paused: true, fired: 1n, lastTaskId: task.id });
  });

  it("fires once for a request, and again for another", async () => {
    await using rig = await startSchedules();
    await rig.schedules.create(nightly);
    await rig.schedules.create({ ...nightly, name: "other" });
    const first = await rig.schedules.trigger("nightly", { requestId: "r" });
    const again = await rig.schedules.trigger("nightly", { requestId: "r" });
    expect(again).toMatchObject({ duplicate: true, task: { id: first.task.id }, schedule: { fired: 1n } });
    const other = await rig.schedules.trigger("other", { requestId: "r" });
    expect(other.duplicate).toBe(false);
    expect((await rig.schedules.trigger("nightly")).schedule.fired).toBe(2n);
  });
});

describe("a schedule that is deleted", () => {
  it("is gone, and what it has sent stays", async () => {
    await using rig = await startSchedules();
    await rig.schedules.create(nightly);
    const { task } = await rig.schedules.trigger("nightly");
    await rig.schedules.delete("nightly");
    const { schedules } = rig;
    for (const call of [
      () => schedules.get("nightly"),
      () => schedules.pause("nightly"),
      () => schedules.resume("nightly"),
      () => schedules.trigger("nightly"),
      () => schedules.delete("nightly"),
    ]) {
      expect(await refusal(call())).toMatchObject({ reason: "SCHEDULE_NOT_FOUND" });
    }
    expect(await rig.tasks.get(task.id)).toMatchObject({ id: task.id });
    await schedules.create(nightly);
  });
});

describe("overlap", () => {
  const hourly = { ...nightly, cron: "0 * * * *" };

  it("with `skip`, leaves a time out while the last firing is not finished", async () => {
    const gate = createGate();
    await using rig = await startSchedules({ onTaskEventSend: (ctx) => gate.pass(ctx) });
    await rig.schedules.create({ ...hourly, overlap: Overlap.SKIP });
    rig.clock.advance(hour);
    await gate.reached;
    const idle = rig.clock.timerSet();
    rig.clock.advance(hour);
    await idle;
    const { lastTaskId, ...skipping } = await rig.schedules.get("nightly");
    expect(skipping).toMatchObject({ fired: 1n, skipped: 1n });
    gate.open();
    await collect(rig.tasks.subscribe(lastTaskId));
    rig.clock.advance(hour);
    await rig.until(2);
    expect(await rig.schedules.get("nightly")).toMatchObject({ fired: 2n, skipped: 1n });
  });

  it("with `replace`, cancels the task of the last firing", async () => {
    const aborted: string[] = [];
    await using rig = await startSchedules({
      onTaskEventSend: (ctx) =>
        new Promise((resolve) => {
          ctx.signal.addEventListener("abort", () => {
            aborted.push(ctx.task.id);
            resolve();
          });
        }),
    });
    await rig.schedules.create({ ...hourly, overlap: Overlap.REPLACE });
    rig.clock.advance(hour);
    const [first] = await rig.until(1);
    const taskId = first?.taskId ?? "";
    rig.clock.advance(hour);
    await rig.until(2);
    const log = await collect(rig.tasks.subscribe(taskId));
    expect(log.some(isTask(TaskState.CANCELLED))).toBe(true);
    expect(aborted).toEqual([taskId]);
    expect(await rig.tasks.get(taskId)).toMatchObject({ statusReason: "schedule nightly has fired again" });
    await rig.tasks.cancel(rig.heard[1]?.taskId ?? "");
  });

  it("with `allow`, fires beside it", async () => {
    const gate = createGate();
    await using rig = await startSchedules({ onTaskEventSend: (ctx) => gate.pass(ctx) });
    await rig.schedules.create(hourly);
    for (let n = 1; n <= 3; n++) {
      rig.clock.advance(hour);
      await rig.until(n);
    }
    gate.open();
    expect(new Set(rig.heard.map(({ taskId }) => taskId)).size).toBe(3);
  });
});

describe("what is no schedule is refused", () => {
  it.each<[name: string, wrong: Partial<NewSchedule>, field: string]>([
    ["a cron that is none", { cron: "every night" }, "spec.cron"],
    ["a cron with a year", { cron: "0 0 3 1 1 * 2030" }, "spec.cron"],
    ["a cron out of range", { cron: "61 3 * * *" }, "spec.cron"],
    ["a cron that never fires", { cron: "0 0 30 2 *" }, "spec.cron"],
    ["a date", { cron: "2030-01-01T00:00:00" }, "spec.cron"],
    ["no cron", { cron: "" }, "spec.cron"],
    ["a time zone that is unknown", { timeZone: "Mars/Olympus" }, "spec.time_zone"],
    ["an offset", { timeZone: "+01:00" }, "spec.time_zone"],
    ["a policy that is unknown", JSON.parse('{ "missed": 9 }'), "spec.missed"],
    [
      "an event for later",
      { event: { parts: [{ text: "" }], deliverTime: "2030-01-01T00:00:00Z" } },
      "action.event.deliver_time",
    ],
    ["an answer", { event: { parts: [{ text: "" }], answers: "q" } }, "action.event.answers"],
    [
      "an event of the server's",
      { event: { parts: [{ text: "" }], type: "pigeonhole.x" } },
      "action.event.type",
    ],
    ["an event that says nothing", { event: { parts: [] } }, "action.event.parts"],
    ["a name with a slash", { name: "rig/nightly" }, "name"],
  ])("%s", async (_, wrong, field) => {
    await using rig = await startSchedules();
    expect(await refusal(rig.schedules.create({ ...nightly, ...wrong }))).toMatchObject({
      reason: "FIELD_INVALID",
      fields: [field],
    });
    expect(await collect(rig.schedules.list())).toEqual([]);
  });

  it("a named task without an event", async () => {
    await using rig = await startSchedules();
    const { event: _, ...empty } = nightly;
    const call = rig.schedules.create({ ...empty, taskName: "one" });
    expect(await refusal(call)).toMatchObject({ reason: "FIELD_INVALID", fields: ["action.event"] });
  });

  it("an agent that is not there", async () => {
    await using rig = await startSchedules();
    const call = rig.schedules.create({ ...nightly, agent: "nobody" });
    expect(await refusal(call)).toMatchObject({ reason: "AGENT_NOT_FOUND" });
  });
});
