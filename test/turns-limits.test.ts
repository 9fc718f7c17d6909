import { describe, expect, it } from "vitest";
import { EventState, TaskState } from "../src/proto.ts";
import { type AgentDefinition, type Clock, FinalError, systemClock } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, isTask, startRig } from "./agents/rig.ts";

/** An error of that name from elsewhere, as another copy of the package has it. */
function foreign(name: string): Error {
  return Object.assign(new Error("never"), { name });
}

describe("an error that is final", () => {
  it.each<[string, () => Error]>([
    ["FinalError", () => new FinalError("never")],
    ["FinalError", () => foreign("FinalError")],
    ["RangeError", () => new RangeError("never")],
  ])("is not tried again: %s", async (name, error) => {
    await using rig = await startRig({
      retry: { isFinal: (thrown) => thrown instanceof RangeError },
      onTaskEventSend(_, event) {
        if (event.text === "bad") throw error();
      },
    });
    const taskId = await rig.create("bad");
    const { event } = await rig.tasks.send(taskId, "good");
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(failuresIn(log)).toEqual([`1: HANDLER_FAILED, ${name}: never`]);
    const states = (await collect(rig.tasks.events(taskId))).map(({ state }) => EventState[state]);
    expect(states).toEqual(["DEAD_LETTERED", "PROCESSED"]);
  });

  it("is one only if the agent can tell", async () => {
    await using rig = await startRig({
      retry: {
        initialBackoff: 1,
        isFinal() {
          throw new Error("cannot tell");
        },
      },
      onTaskEventSend(ctx) {
        if (ctx.attempt === 1) throw new Error("no");
        ctx.complete();
      },
    });
    const log = await rig.end(await rig.create("go"));
    expect(failuresIn(log)).toEqual(["1: HANDLER_FAILED, Error: no"]);
  });
});

describe("an event that is given up", () => {
  const failing = {
    retry: { maxAttempts: 1 } as const,
    onTaskEventSend(_: unknown, event: { text: string }) {
      if (event.text === "bad") throw new Error("no");
    },
  };

  it("fails its task, if the agent says so", async () => {
    await using rig = await startRig({ ...failing, retry: { maxAttempts: 1, onExhausted: "fail" } });
    const taskId = await rig.create("bad");
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).state).toBe(TaskState.FAILED);
  });

  it("pauses its task, if the agent says so: nothing more is handled", async () => {
    await using rig = await startRig({ ...failing, retry: { maxAttempts: 1, onExhausted: "pause" } });
    const taskId = await rig.create("bad");
    await rig.until(taskId, isTask(TaskState.PAUSED));
    await rig.tasks.send(taskId, "good");
    const other = await rig.create("good");
    await rig.until(other, isEvent(EventState.PROCESSED));
    expect(await rig.tasks.get(taskId)).toMatchObject({
      state: TaskState.PAUSED,
      pendingEvents: 1,
      deadLetteredEvents: 1,
    });
    await rig.tasks.cancel(taskId);
    await rig.end(taskId);
  });
});

describe("a turn that takes too long", () => {
  it("is stopped, counts as failed, and is tried again", async () => {
    const reasons: unknown[] = [];
    const { clock, limits } = createLimitClock(77_777);
    const agent: Partial<AgentDefinition> = {
      turnTimeout: 77_777,
      retry: { initialBackoff: 1 },
      async onTaskEventSend(ctx) {
        await ctx.messages.send(`attempt ${ctx.attempt}`);
        if (ctx.attempt === 3) return ctx.complete("at last");
        for (const pass of limits) pass();
        expect(ctx.signal.aborted).toBe(true);
        reasons.push(ctx.signal.reason);
        if (ctx.attempt === 1) throw new Error("was told to stop");
        try {
          ctx.complete("too late");
        } catch (error) {
          reasons.push(error);
        }
      },
    };
    await using rig = await startRig(agent, { clock });
    const taskId = await rig.create("go");
    const log = await rig.end(taskId);
    expect(failuresIn(log)).toEqual(
      [1, 2].map((attempt) => `${attempt}: TIMED_OUT: the turn has taken longer than 77777 ms`),
    );
    expect(reasons).toEqual(
      ["TIMED_OUT", "TIMED_OUT", "TURN_OVER"].map((reason) => expect.objectContaining({ reason })),
    );
    expect(await rig.texts(taskId)).toEqual(["attempt 3"]);
    expect((await rig.tasks.get(taskId)).statusReason).toBe("at last");
  });

  it("is left behind after the grace, and has no effect if it goes on", async () => {
    const gate = createGate();
    const late = Promise.withResolvers<unknown>();
    await using rig = await startRig({
      turnTimeout: 10,
      cancelGrace: 5,
      retry: { maxAttempts: 1 },
      async onTaskEventSend(ctx) {
        await gate.pass(ctx);
        await ctx.messages.send("too late").catch(late.resolve);
      },
    });
    const taskId = await rig.create("go");
    const log = await rig.until(taskId, isEvent(EventState.DEAD_LETTERED));
    gate.open();
    expect(await late.promise).toMatchObject({ reason: "TURN_OVER" });
    expect(failuresIn(log)).toEqual(["1: TIMED_OUT: the turn has taken longer than 10 ms"]);
    expect(await rig.texts(taskId)).toEqual([]);
  });

  it("is not one that waits for the store: its time ends with its handler", async () => {
    const { clock, limits } = createLimitClock(77_777);
    const running = createGate();
    await using rig = await startRig({ turnTimeout: 77_777, onTaskEventSend: running.pass }, { clock });
    const taskId = await rig.create("go");
    await running.reached;
    expect(limits).toHaveLength(1);
    running.open();
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(limits).toEqual([]);
  });
});

/** Makes a clock on which the turns' time does not pass by itself: `limits` are those that run, each to be called when it is over. */
function createLimitClock(turnTimeout: number): { clock: Clock; limits: (() => void)[] } {
  const limits: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    timer(delay, ring) {
      if (delay !== turnTimeout) return systemClock.timer(delay, ring);
      limits.push(ring);
      return () => void limits.splice(limits.indexOf(ring), 1);
    },
  };
  return { clock, limits };
}
