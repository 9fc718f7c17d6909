import { setImmediate } from "node:timers/promises";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { createClient, createTaskView, type TaskView } from "../../src/client/index.ts";
import { TaskState, type TaskUpdate } from "../../src/proto.ts";
import { collect } from "../agents/rig.ts";
import { failureOf } from "../service-failure.ts";
import {
  clientsOf,
  followUntil,
  newTask,
  present,
  readAll,
  sendAndWait,
  text,
  textOf,
  updatesOf,
  viewOf,
} from "../service-follow.ts";
import { openAny } from "../service-protocols.ts";
import { startServer } from "../service-server.ts";

const warnings: string[] = [];
const onWarning = ({ message }: Error) => void warnings.push(message);
process.on("warning", onWarning);

const server = await startServer();
const { tasks } = clientsOf(openAny(server.url));
afterAll(async () => {
  await server.close();
  process.off("warning", onWarning);
  expect(server.defects).toEqual([]);
  expect(warnings.filter((message) => message.includes("leak"))).toEqual([]);
});

/** What a turn may do, for tasks that live through a bit of everything. */
const work = ["stream", "stumble", "echo", "remember", "flood", "stream"];

/** Gives a task something of everything to do, one after the other, and ends it. */
async function liveThrough(taskId: string): Promise<void> {
  for (const [index, type] of work.entries()) {
    await sendAndWait(tasks, taskId, type, type === "flood" ? "1 x 20" : `${index} a b c`, { index });
  }
  await sendAndWait(tasks, taskId, "finish");
}

/**
 * Follows a task to its end. After so many entries, over and over, it leaves and resumes; before each it lets others go first
 * so many times.
 */
async function followInStretches(taskId: string, stretches: number[], slowness: number): Promise<TaskView> {
  let view = createTaskView();
  for (const stretch of [...stretches, Number.POSITIVE_INFINITY]) {
    let left = stretch;
    const leave = new AbortController();
    const responses = tasks.subscribeTask({ taskId, afterSequence: view.sequence }, { signal: leave.signal });
    for await (const update of updatesOf(responses)) {
      for (let turn = 0; turn < slowness; turn++) await setImmediate();
      view = viewOf([update], view);
      if (--left === 0) break;
    }
    leave.abort();
    if (view.task?.endTime !== undefined) break;
  }
  return view;
}

describe("a subscriber that leaves and resumes", () => {
  const runs = fc.record({
    stretches: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 20 }),
    slowness: fc.nat(3),
  });

  it("ends in the same state as one that stayed, while the task lives", async () => {
    const followers = fc.sample(runs, { seed: 1, numRuns: 20 });
    const taskId = await newTask(tasks);
    const views = followers.map(({ stretches, slowness }) => followInStretches(taskId, stretches, slowness));
    const stayed = readAll(tasks.subscribeTask({ taskId }));
    await liveThrough(taskId);
    const view = viewOf(await stayed);
    expect(view.messages).toHaveLength(5);
    for (const other of await Promise.all(views)) expect(other).toEqual(view);
  });

  it("ends in the same state when the task ended before, and in what the lists say", async () => {
    const taskId = await newTask(tasks);
    await liveThrough(taskId);
    const view = viewOf(await readAll(tasks.subscribeTask({ taskId })));
    for (const { stretches, slowness } of fc.sample(runs, { seed: 2, numRuns: 20 })) {
      expect(await followInStretches(taskId, stretches, slowness)).toEqual(view);
    }
    const { messages } = await tasks.listMessages({ taskId });
    expect(view.messages.map(({ id, parts }) => [id, parts])).toEqual(
      messages.map(({ id, parts }) => [id, parts]),
    );
  });

  it("is told all that follows, whichever sequence it names", async () => {
    const taskId = await newTask(tasks);
    const { sequence: before } = await tasks.listEvents({ taskId });
    await liveThrough(taskId);
    const whole = await readAll(tasks.subscribeTask({ taskId }));
    const last = present(whole.at(-1)).sequence;
    const said = textsOf(whole);
    for (let afterSequence = before; afterSequence <= last; afterSequence += 1n) {
      const rest = await readAll(tasks.subscribeTask({ taskId, afterSequence }));
      const sequences = rest.map(({ sequence }) => sequence);
      expect(sequences).toEqual(sequences.toSorted((a, b) => Number(a - b)));
      expect((sequences[0] ?? last + 1n) > afterSequence).toBe(true);
      const others = (update: TaskUpdate) => update.sequence > afterSequence && update.entry.case !== "delta";
      expect(rest.filter(others)).toEqual(whole.filter(others));
      expect(said.endsWith(textsOf(rest))).toBe(true);
    }
  });
});

/** Gives all texts that the deltas of a log add, joined. */
function textsOf(updates: TaskUpdate[]): string {
  return updates
    .map(({ entry }) => {
      if (entry.case !== "delta") return "";
      const { change } = entry.value;
      return change.case === "appendText" ? change.value : change.value ? textOf([change.value]) : "";
    })
    .join("");
}

describe("where a subscription begins", () => {
  it("at the end of a live task, it waits for what comes", async () => {
    const taskId = await newTask(tasks);
    await sendAndWait(tasks, taskId, "echo");
    const { sequence } = await tasks.listEvents({ taskId });
    const updates = updatesOf(tasks.subscribeTask({ taskId, afterSequence: sequence }));
    const first = await updates.next();
    expect(first.value).toMatchObject({ sequence, entry: { case: "heartbeat" } });
    const next = updates.next();
    const { event } = await tasks.sendEvent({ taskId, parts: [text("x")] });
    expect((await next).value).toMatchObject({
      sequence: event?.sequence,
      entry: { value: { id: event?.id } },
    });
    await updates.return(undefined);
  });

  it("at the end of a task that has ended, it ends with nothing", async () => {
    const taskId = await newTask(tasks);
    await sendAndWait(tasks, taskId, "finish");
    const { sequence } = await tasks.listEvents({ taskId });
    for await (const _ of tasks.subscribeTask({ taskId, afterSequence: sequence })) expect.fail("an update");
  });

  it("past the end it is refused, also while others follow", async () => {
    const taskId = await newTask(tasks);
    const { sequence } = await tasks.listEvents({ taskId });
    const other = updatesOf(tasks.subscribeTask({ taskId }));
    await other.next();
    const past = readAll(tasks.subscribeTask({ taskId, afterSequence: sequence + 1n }));
    expect(await failureOf(past)).toMatchObject({ code: "OutOfRange", reason: "SEQUENCE_OUT_OF_RANGE" });
    await other.return(undefined);
  });

  it("before the task does anything, it is told from the beginning", async () => {
    const { task } = await tasks.createTask({ agent: "desk" });
    const updates = await followUntil(
      tasks,
      { taskId: present(task).id },
      ({ entry }) => entry.case === "heartbeat",
    );
    expect(updates[0]).toMatchObject({ sequence: 1n, entry: { value: { state: TaskState.ACTIVE } } });
  });
});

describe("many subscribers", () => {
  /** Opens connections of HTTP/2, and gives a transport on each. */
  function connections(count: number) {
    const sessions = Array.from(
      { length: count },
      () => new Http2SessionManager(server.url, {}, { maxSessionMemory: 128 }),
    );
    return {
      transports: sessions.map((sessionManager) =>
        createGrpcTransport({ baseUrl: server.url, sessionManager }),
      ),
      close: () => {
        for (const session of sessions) session.abort();
      },
    };
  }

  it("1,000 of one task over four connections all see the same", async () => {
    const taskId = await newTask(tasks);
    const { transports, close } = connections(4);
    const views = transports.flatMap((transport) => {
      const client = clientsOf(transport).tasks;
      return Array.from({ length: 250 }, async () => viewOf(await readAll(client.subscribeTask({ taskId }))));
    });
    for (const type of ["stream", "echo"]) await sendAndWait(tasks, taskId, type, "a b c");
    await sendAndWait(tasks, taskId, "finish");
    const view = viewOf(await readAll(tasks.subscribeTask({ taskId })));
    expect(view.messages.map(({ parts }) => textOf(parts))).toEqual(["a b c ", "a b c"]);
    for (const other of await Promise.all(views)) expect(other).toEqual(view);
    close();
  });

  it("300 of as many tasks over one connection each see their own", async () => {
    const { transports, close } = connections(1);
    const views = transports.flatMap((transport) => {
      // Which tries again where a busy server refuses so many calls at once.
      const { tasks: client } = createClient({ transport });
      return Array.from({ length: 300 }, async (_, index) => {
        const { id: taskId } = (await client.create({ agent: "desk" })).task;
        const view = collect(client.subscribe(taskId)).then(viewOf);
        await client.send(taskId, `for ${index}`);
        await client.send(taskId, "x", { type: "finish" });
        return { taskId, view: await view, said: `for ${index}` };
      });
    });
    for (const { taskId, view, said } of await Promise.all(views)) {
      expect(view.task?.id).toBe(taskId);
      expect(view.messages.map(({ parts }) => textOf(parts))).toEqual([said]);
    }
    close();
  });
});
