import { expect, it } from "vitest";
import { EventState, TaskState } from "../../src/proto.ts";
import type {
  CreateSchedule,
  FiredSchedule,
  FireSchedule,
  Firing,
  NewSchedule,
  ScheduleRecord,
} from "../../src/server/store/schedule-records.ts";
import { at, bytes, errorOf, newEvent, reasonOf, type Scene } from "./scene.ts";

/** A schedule of a scene, `id("schedule")`: its first time is at 1,000, and each follows after 1,000. */
function createStage(scene: Scene) {
  const { store, agent, id } = scene;
  const name = id("schedule");
  const definition = (args: Partial<NewSchedule> = {}): NewSchedule => ({
    name,
    agent,
    id: id("definition"),
    spec: { cron: "* * * * * *", timeZone: "UTC", missed: "latest", overlap: "allow" },
    action: { labels: {} },
    nextTime: at(1000),
    ...args,
  });
  let tasks = 0;
  const stage = {
    name,
    definition,
    create: (args: Partial<CreateSchedule> = {}) =>
      store.createSchedule({ ...definition(), paused: false, limit: 1e6, now: at(0), ...args }),
    /** A firing for a time, into the task of a name or a new one. */
    firing(time: number, task: Partial<Firing["task"]> = {}): Firing {
      const taskId = id(`fired${++tasks}`);
      return { time: at(time), task: { taskId, agent, labels: {}, event: newEvent(`${taskId}-e`), ...task } };
    },
    /** Fires for one time, and moves on to the next. */
    fire: (time: number, args: Partial<FireSchedule> = {}): Promise<FiredSchedule> =>
      store.fireSchedule({ ...stage.step(time), ...args }),
    step: (time: number): FireSchedule => ({
      name,
      id: id("definition"),
      expectedTime: at(time),
      firings: [stage.firing(time)],
      skipped: 0,
      settledTime: at(time),
      nextTime: at(time + 1000),
      now: at(time),
    }),
    async get(): Promise<ScheduleRecord> {
      const schedule = await store.getSchedule({ name });
      if (schedule === undefined) throw new Error("there is no schedule");
      return schedule;
    },
    due: (now: number, limit = 10) => store.dueSchedules({ agents: [agent], now: at(now), limit }),
    trigger: (time: number, task: Partial<Firing["task"]> = {}) =>
      store.triggerSchedule({ name, firing: stage.firing(time, task), now: at(time) }),
    /** Cancels a task, and has its last turn. */
    async end(taskId: string, time: number): Promise<void> {
      await scene.cancel({ taskId, now: at(time) });
      const { turn } = await scene.turn({ taskId, now: at(time) });
      await scene.commit(turn, { taskId, now: at(time) });
    },
    withOverlap: (overlap: ScheduleRecord["spec"]["overlap"], taskName?: string) =>
      stage.create({
        spec: { ...definition().spec, overlap },
        action: { labels: {}, ...(taskName !== undefined && { taskName }) },
      }),
  };
  return stage;
}

export function describeSchedules(scene: () => Scene): void {
  it("createSchedule keeps all that it is told, and gives it back", async () => {
    const here = scene();
    const stage = createStage(here);
    const { id } = here;
    const action = {
      taskName: id("named"),
      params: bytes("params"),
      labels: { a: "1", b: "" },
      event: bytes("event"),
    };
    const spec = { cron: "0 3 * * *", timeZone: "Europe/Berlin", missed: "all", overlap: "skip" } as const;
    const schedule = await stage.create({ spec, action });
    expect(schedule).toEqual({
      name: stage.name,
      agent: here.agent,
      id: id("definition"),
      spec,
      action,
      paused: false,
      declared: false,
      nextTime: at(1000),
      fired: 0,
      skipped: 0,
      createTime: at(0),
      updateTime: at(0),
    });
    expect(await stage.get()).toEqual(schedule);
  });

  it("createSchedule makes one of a name, and no more than it is told", async () => {
    const stage = createStage(scene());
    expect(await reasonOf(stage.create({ limit: 0 }))).toBe("LIMIT_REACHED");
    await stage.create();
    const error = await errorOf(stage.create());
    expect(error).toMatchObject({ reason: "SCHEDULE_EXISTS", details: { resource: { name: stage.name } } });
  });

  it("createSchedule answers a request that made it with what it made", async () => {
    const here = scene();
    const { id } = here;
    const stage = createStage(here);
    const request = { id: id("request"), fingerprint: "f" };
    await stage.create({ request });
    await stage.fire(1000);
    expect(await stage.create({ request, now: at(5) })).toEqual(await stage.get());
    const other = stage.create({ name: id("other"), request: { ...request, fingerprint: "g" } });
    expect(await reasonOf(other)).toBe("REQUEST_ID_REUSED");
  });

  it("createSchedule rejects with AGENT_NOT_FOUND without its agent, but for a request that was answered", async () => {
    const here = scene();
    const { id } = here;
    const stage = createStage(here);
    const request = { id: id("request"), fingerprint: "f" };
    const made = await stage.create({ request });
    expect(await stage.create({ request, served: false })).toEqual(made);
    const another = { name: id("other"), request: { id: id("another"), fingerprint: "f" }, served: false };
    expect(await reasonOf(stage.create(another))).toBe("AGENT_NOT_FOUND");
    expect(await here.store.getSchedule({ name: id("other") })).toBeUndefined();
  });

  it("listSchedules goes by name, page by page, through those of an agent", async () => {
    const here = scene();
    const stage = createStage(here);
    const { store } = here;
    for (const name of ["c", "a", "b"]) await stage.create({ name: here.id(name) });
    await stage.create({ name: here.id("d"), agent: here.id("another") });
    const page = { agent: here.agent, limit: 2, maxBytes: 1e6 };
    const first = await store.listSchedules(page);
    expect(first).toMatchObject({ items: [{ name: here.id("a") }, { name: here.id("b") }], more: true });
    const rest = await store.listSchedules({ ...page, after: { owner: "", name: here.id("b") } });
    expect(rest).toMatchObject({ items: [{ name: here.id("c") }], more: false });
    expect((await store.listSchedules({ ...page, maxBytes: 1 })).items).toHaveLength(1);
    expect((await store.listSchedules({ limit: 1e6, maxBytes: 1e9 })).items.length).toBeGreaterThan(3);
    expect(await store.listSchedules({ ...page, agent: here.id("nobody") })).toEqual({
      items: [],
      more: false,
    });
  });

  it("pauseSchedule and resumeSchedule take it out and put it back, and answer the same when asked again", async () => {
    const here = scene();
    const { store } = here;
    const stage = createStage(here);
    await stage.create();
    const { name } = stage;
    const paused = await store.pauseSchedule({ name, reason: "holidays", now: at(1) });
    expect(paused).toMatchObject({ paused: true, pauseReason: "holidays", updateTime: at(1) });
    expect(paused.nextTime).toBeUndefined();
    expect(await store.pauseSchedule({ name, now: at(2) })).toEqual(paused);
    expect((await stage.fire(1000)).fired).toBe(false);
    const resumed = await store.resumeSchedule({ name, nextTime: at(7000), now: at(3) });
    expect(resumed).toMatchObject({ paused: false, nextTime: at(7000), updateTime: at(3) });
    expect(resumed.pauseReason).toBeUndefined();
    expect(await store.resumeSchedule({ name, nextTime: at(9000), now: at(4) })).toEqual(resumed);
  });

  it("knows no schedule that is not there", async () => {
    const here = scene();
    const { store } = here;
    const stage = createStage(here);
    const name = here.id("nobody");
    const now = at(0);
    expect(await store.getSchedule({ name })).toBeUndefined();
    expect((await stage.fire(1000)).fired).toBe(false);
    for (const call of [
      store.pauseSchedule({ name, now }),
      store.resumeSchedule({ name, now }),
      store.deleteSchedule({ name }),
      store.triggerSchedule({ name, firing: stage.firing(0), now }),
    ]) {
      expect(await reasonOf(call)).toBe("SCHEDULE_NOT_FOUND");
    }
  });

  it("deleteSchedule removes it, and leaves what it has sent", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.create();
    const { taskIds } = await stage.fire(1000);
    await here.store.deleteSchedule({ name: stage.name });
    expect(await here.store.getSchedule({ name: stage.name })).toBeUndefined();
    expect((await stage.due(1e6)).schedules).toEqual([]);
    expect(await here.task(taskIds[0])).toMatchObject({ state: TaskState.PENDING });
  });

  it("dueSchedules finds those of its agents that are due, and when the next one is", async () => {
    const here = scene();
    const stage = createStage(here);
    for (const [name, time] of [
      ["late", 3000],
      ["early", 1000],
      ["middle", 2000],
    ] as const) {
      await stage.create({ name: here.id(name), nextTime: at(time) });
    }
    await stage.create({ name: here.id("paused"), paused: true });
    await stage.create({ name: here.id("other"), agent: here.id("other") });
    expect(await stage.due(999)).toEqual({ schedules: [], nextTime: at(1000) });
    const due = await stage.due(2000);
    expect(due.schedules.map(({ name }) => name)).toEqual([here.id("early"), here.id("middle")]);
    expect(due.nextTime).toBe(at(3000));
    expect((await stage.due(2000, 1)).schedules).toHaveLength(1);
    expect((await stage.due(3000)).nextTime).toBeUndefined();
  });

  it("fireSchedule makes the task, sends the event and moves on, all at once", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.create();
    const firing = stage.firing(1000, { labels: { a: "1" }, params: bytes("p") });
    const result = await stage.fire(1000, { firings: [firing], skipped: 3, now: at(1002) });
    const { taskId } = firing.task;
    expect(result).toEqual({ fired: true, taskIds: [taskId], made: 1, overLimit: 0 });
    expect(await here.task(taskId)).toMatchObject({
      agent: here.agent,
      labels: { a: "1" },
      pendingEvents: 1,
    });
    expect(await here.events(taskId)).toMatchObject([{ content: firing.task.event?.content }]);
    expect(await stage.get()).toMatchObject({
      nextTime: at(2000),
      settledTime: at(1000),
      lastTime: at(1000),
      lastTaskId: taskId,
      fired: 1,
      skipped: 3,
      updateTime: at(1002),
    });
  });

  it("fireSchedule settles each time once, whoever fires it, however many at once", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.create();
    const name = here.id("one");
    const fire = () => stage.fire(1000, { firings: [stage.firing(1000, { name })] });
    const results = await Promise.all([fire(), fire(), fire()]);
    expect(results.map(({ fired }) => fired).sort()).toEqual([false, false, true]);
    expect((await fire()).fired).toBe(false);
    expect(await stage.get()).toMatchObject({ fired: 1, nextTime: at(2000) });
    expect((await here.store.getTask({ name }))?.pendingEvents).toBe(1);
  });

  it("fireSchedule does nothing for a schedule that was made anew", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.create();
    await here.store.deleteSchedule({ name: stage.name });
    await stage.create({ id: here.id("anew") });
    expect((await stage.fire(1000)).fired).toBe(false);
    expect((await stage.fire(1000, { id: here.id("anew") })).fired).toBe(true);
  });

  it("fireSchedule fires for several times in their order, and comes to an end", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.create();
    const name = here.id("many");
    const firings = [1000, 2000, 3000].map((time) => stage.firing(time, { name }));
    const { nextTime: _, ...last } = { ...stage.step(1000), firings, settledTime: at(3000) };
    expect(await here.store.fireSchedule(last)).toMatchObject({
      fired: true,
      taskIds: Array(3).fill(expect.anything()),
    });
    const task = await here.store.getTask({ name });
    expect((await here.events(task?.id)).map(({ id }) => id)).toEqual(
      firings.map(({ task }) => task.event?.id),
    );
    expect(await stage.get()).toMatchObject({ fired: 3, lastTime: at(3000) });
    expect((await stage.get()).nextTime).toBeUndefined();
  });

  it("fireSchedule notes what refuses a firing, undoes it alone, and goes on", async () => {
    const here = scene();
    const stage = createStage(here);
    const name = here.id("cancelled");
    await here.activate({ name });
    await here.cancel();
    await stage.create();
    const refused = stage.firing(1000, { name });
    const accepted = stage.firing(1500);
    const both = await stage.fire(1000, { firings: [accepted, refused] });
    expect(both).toMatchObject({ fired: true, taskIds: [accepted.task.taskId] });
    expect(await stage.get()).toMatchObject({
      fired: 2,
      nextTime: at(2000),
      lastTime: at(1000),
      lastTaskId: accepted.task.taskId,
      lastError: expect.stringMatching(/^TASK_FINISHED: task .* is CANCELLING$/),
    });
    expect(await here.store.getTask({ id: refused.task.taskId })).toBeUndefined();
    await stage.fire(2000);
    expect((await stage.get()).lastError).toBeUndefined();
  });

  it("fireSchedule skips a time for which no task may be made, says why, and still sends to one that is there", async () => {
    const here = scene();
    const stage = createStage(here);
    const name = here.id("named");
    await here.activate({ name });
    await stage.withOverlap("replace");
    const first = stage.firing(1000);
    const reachedTasks = 1;
    const refused = stage.firing(1500, { reachedTasks });
    const found = stage.firing(1600, { name, reachedTasks });
    expect(await stage.fire(1000, { firings: [first, refused] })).toEqual({
      fired: true,
      taskIds: [first.task.taskId],
      made: 1,
      overLimit: 1,
    });
    expect(await stage.get()).toMatchObject({
      fired: 1,
      skipped: 1,
      lastTime: at(1000),
      lastError: "LIMIT_REACHED: there are 1 unfinished tasks, as many as one caller may have",
    });
    // What the last firing began is replaced by nothing.
    expect(await here.store.getTask({ id: first.task.taskId })).toMatchObject({ state: TaskState.PENDING });
    const sent = await stage.fire(2000, { firings: [found] });
    expect(sent).toEqual({ fired: true, taskIds: [here.id("task")], made: 0, overLimit: 0 });
    expect((await stage.get()).lastError).toBeUndefined();
  });

  it("with overlap `skip`, leaves a time out while the last event is not settled", async () => {
    const here = scene();
    const stage = createStage(here);
    const name = here.id("named");
    await stage.withOverlap("skip", name);
    const firing = stage.firing(1000, { name });
    const { taskId } = firing.task;
    await stage.fire(1000, { firings: [firing] });
    const again = (time: number) => stage.fire(time, { firings: [stage.firing(time, { name })] });
    expect(await again(2000)).toMatchObject({ fired: true, taskIds: [] });
    expect(await stage.get()).toMatchObject({
      fired: 1,
      skipped: 1,
      lastTime: at(1000),
      settledTime: at(2000),
    });
    const created = await here.turn({ taskId, now: at(2000) });
    await here.commit(created.turn, { taskId, now: at(2000) });
    const { turn } = await here.turn({ taskId, now: at(2000) });
    await again(3000);
    expect(await stage.get()).toMatchObject({ fired: 1, skipped: 2 });
    await here.commit(turn, { taskId, now: at(3000) });
    await again(4000);
    expect(await stage.get()).toMatchObject({ fired: 2, skipped: 2, lastTaskId: taskId });
  });

  it("with overlap `skip`, leaves a time out while the task that the last one made has not ended", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.withOverlap("skip");
    const { taskIds } = await stage.fire(1000);
    const [taskId = ""] = taskIds;
    await stage.fire(2000);
    await here.cancel({ taskId, now: at(2500) });
    await stage.fire(3000);
    expect(await stage.get()).toMatchObject({ fired: 1, skipped: 2 });
    const { turn } = await here.turn({ taskId, now: at(3000) });
    await here.commit(turn, { taskId, now: at(3000) });
    await stage.fire(4000);
    expect(await stage.get()).toMatchObject({ fired: 2, skipped: 2 });
  });

  it("with overlap `replace`, cancels the task that the last firing made", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.withOverlap("replace");
    const [first = ""] = (await stage.fire(1000)).taskIds;
    const result = await stage.fire(2000);
    expect(await here.task(first)).toMatchObject({
      state: TaskState.CANCELLING,
      statusReason: `schedule ${stage.name} has fired again`,
    });
    expect(await here.task(result.taskIds[0])).toMatchObject({ state: TaskState.PENDING });
    expect(await stage.get()).toMatchObject({ fired: 2, skipped: 0 });
  });

  /** A schedule that replaces the events that it sends to a task. */
  async function replacing() {
    const here = scene();
    const stage = createStage(here);
    const name = here.id("named");
    await here.activate({ name });
    await stage.withOverlap("replace", name);
    const fire = (time: number) => stage.fire(time, { firings: [stage.firing(time, { name })] });
    const states = async () => (await here.events()).map(({ state }) => state);
    return { here, stage, name, taskId: here.id("task"), fire, states };
  }

  it("with overlap `replace`, interrupts the event that the last firing sent, and no other", async () => {
    const { here, taskId, fire, states } = await replacing();
    await fire(1000);
    await here.turn({ taskId, now: at(1000) });
    await fire(2000);
    expect(await states()).toEqual([EventState.DROPPED, EventState.QUEUED]);
    const { turn } = await here.turn({ taskId, now: at(2000) });
    await here.commit(turn, { taskId, now: at(2000) });
    await here.send("another", { now: at(2000) });
    await here.turn({ taskId, now: at(2000) });
    await fire(3000);
    expect((await states()).slice(1)).toEqual([
      EventState.PROCESSED,
      EventState.PROCESSING,
      EventState.QUEUED,
    ]);
  });

  it("with overlap `replace`, drops the event that waits, and nothing else of the task", async () => {
    const { here, taskId, fire, states } = await replacing();
    await here.send("theirs", { now: at(0) });
    await here.turn({ taskId, now: at(0) });
    await fire(1000);
    await fire(2000);
    expect(await states()).toEqual([EventState.PROCESSING, EventState.DROPPED, EventState.QUEUED]);
  });

  it("with overlap `replace`, leaves a turn alone that has taken what others sent", async () => {
    const { here, taskId, fire, states } = await replacing();
    await fire(1000);
    await here.send("theirs", { now: at(1000) });
    const { turn } = await here.turn({ taskId, now: at(1000) });
    await here.take(turn, { now: at(1000) });
    await fire(2000);
    expect(await states()).toEqual([EventState.PROCESSING, EventState.PROCESSING, EventState.QUEUED]);
    await here.commit(turn, { taskId, now: at(2000) });
    expect(await states()).toEqual([EventState.PROCESSED, EventState.PROCESSED, EventState.QUEUED]);
  });

  it("with overlap `skip`, leaves a time out while anything has not ended that a time or a trigger has begun", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.withOverlap("skip");
    const [first = ""] = (await stage.fire(1000)).taskIds;
    const { task: second } = await stage.trigger(1100);
    const { task: third } = await stage.trigger(1200);
    await stage.end(third.id, 1300);
    expect(await stage.fire(2000)).toMatchObject({ fired: true, taskIds: [] });
    await stage.end(first, 2100);
    expect(await stage.fire(3000)).toMatchObject({ fired: true, taskIds: [] });
    await stage.end(second.id, 3100);
    expect((await stage.fire(4000)).taskIds).toHaveLength(1);
    expect(await stage.get()).toMatchObject({ fired: 4, skipped: 2 });
  });

  it("with overlap `replace`, cancels all tasks that a time or a trigger has made, and those once", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.withOverlap("replace");
    const [first = ""] = (await stage.fire(1000)).taskIds;
    const { task: second } = await stage.trigger(1100);
    const { task: third } = await stage.trigger(1200);
    const [fourth = ""] = (await stage.fire(2000)).taskIds;
    for (const taskId of [first, second.id, third.id]) {
      expect(await here.task(taskId)).toMatchObject({ state: TaskState.CANCELLING });
    }
    await stage.fire(3000);
    expect(await here.task(fourth)).toMatchObject({ state: TaskState.CANCELLING });
    expect(await here.task(first)).toMatchObject({ updateTime: at(2000) });
  });

  it("with overlap `replace`, drops all events that a time or a trigger has sent, and no other", async () => {
    const { here, taskId, fire, states, stage, name } = await replacing();
    await fire(1000);
    await here.turn({ taskId, now: at(1000) });
    await stage.trigger(1100, { name });
    await here.send("theirs", { now: at(1200) });
    await stage.trigger(1300, { name });
    await fire(2000);
    const { DROPPED, QUEUED } = EventState;
    expect(await states()).toEqual([DROPPED, DROPPED, QUEUED, DROPPED, QUEUED]);
  });

  it("a firing that is refused stops nothing that was begun before", async () => {
    const here = scene();
    const stage = createStage(here);
    await here.activate({ name: here.id("named") });
    await here.cancel();
    await stage.withOverlap("replace");
    const [first = ""] = (await stage.fire(1000)).taskIds;
    const { task: second } = await stage.trigger(1100);
    await stage.fire(2000, { firings: [stage.firing(2000, { name: here.id("named") })] });
    const states = async () => [(await here.task(first)).state, (await here.task(second.id)).state];
    expect(await states()).toEqual([TaskState.PENDING, TaskState.PENDING]);
    await stage.fire(3000);
    expect(await states()).toEqual([TaskState.CANCELLING, TaskState.CANCELLING]);
  });

  it("a schedule that is made anew has nothing to do with what was begun before", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.withOverlap("skip");
    await stage.fire(1000);
    await stage.trigger(1100);
    await here.store.deleteSchedule({ name: stage.name });
    await stage.withOverlap("skip");
    expect((await stage.fire(1000)).taskIds).toHaveLength(1);
  });

  it("triggerSchedule fires beside its times, paused or overlapping, and once for a request", async () => {
    const here = scene();
    const stage = createStage(here);
    await stage.withOverlap("skip");
    await stage.fire(1000);
    const { name } = stage;
    await here.store.pauseSchedule({ name, now: at(1100) });
    const request = { id: here.id("request"), fingerprint: "f" };
    const trigger = () =>
      here.store.triggerSchedule({ name, firing: stage.firing(1200), request, now: at(1200) });
    const first = await trigger();
    expect(first).toMatchObject({
      duplicate: false,
      task: { state: TaskState.PENDING },
      schedule: {
        fired: 2,
        lastTime: at(1200),
        lastTaskId: first.task.id,
        paused: true,
        settledTime: at(1000),
      },
    });
    expect(await trigger()).toEqual({ ...first, duplicate: true });
    expect(await stage.get()).toMatchObject({ fired: 2 });
  });

  it("triggerSchedule leaves everything as it is when it is refused", async () => {
    const here = scene();
    const stage = createStage(here);
    await here.activate({ name: here.id("named") });
    await here.cancel();
    const before = await stage.create();
    const firing = stage.firing(500, { name: here.id("named") });
    const call = here.store.triggerSchedule({ name: stage.name, firing, now: at(500) });
    expect(await reasonOf(call)).toBe("TASK_FINISHED");
    expect(await stage.get()).toEqual(before);
  });

  it("declareSchedules adds, changes and deletes what an agent declares, and keeps counts and pauses", async () => {
    const here = scene();
    const { store, agent, id } = here;
    const stage = createStage(here);
    const declare = (schedules: NewSchedule[], now = at(0)) =>
      store.declareSchedules({ agents: [agent], schedules, now });
    const list = async () => (await store.listSchedules({ agent, limit: 10, maxBytes: 1e6 })).items;
    const [a, b] = [
      stage.definition({ name: id("a"), id: "1" }),
      stage.definition({ name: id("b"), id: "2" }),
    ];
    await stage.create({ name: id("client's") });
    await declare([a, b]);
    await stage.fire(1000, { name: id("a"), id: "1" });
    await store.pauseSchedule({ name: id("b"), now: at(1) });
    const before = await list();
    expect(before).toMatchObject([
      { name: id("a"), declared: true, fired: 1, nextTime: at(2000) },
      { name: id("b"), declared: true, paused: true },
      { name: id("client's"), declared: false },
    ]);
    // The same again, as at a restart: only its own id and first time differ.
    await declare(
      [
        { ...a, id: "3", nextTime: at(5000) },
        { ...b, id: "4" },
      ],
      at(2),
    );
    expect(await list()).toEqual(before);

    const content = { ...a, id: "5", nextTime: at(5000), action: { labels: {}, event: bytes("new") } };
    const cron = { ...b, id: "6", nextTime: at(9000), spec: { ...b.spec, cron: "0 * * * *" } };
    await declare([content, cron], at(3));
    expect(await list()).toMatchObject([
      { id: "5", fired: 1, nextTime: at(2000), action: { event: bytes("new") }, updateTime: at(3) },
      { id: "6", paused: true, spec: { cron: "0 * * * *" } },
      {},
    ]);
    expect((await store.getSchedule({ name: id("b") }))?.nextTime).toBeUndefined();
    await declare([{ ...content, id: "7", nextTime: at(8000), spec: cron.spec }], at(4));
    expect(await list()).toMatchObject([
      { name: id("a"), fired: 1, nextTime: at(8000) },
      { name: id("client's") },
    ]);

    await store.declareSchedules({ agents: [id("other agent")], schedules: [], now: at(5) });
    expect(await list()).toHaveLength(2);
    await declare([]);
    expect(await list()).toMatchObject([{ name: id("client's") }]);
  });
}
