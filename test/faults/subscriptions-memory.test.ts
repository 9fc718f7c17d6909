import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Event, EventState, TaskState } from "../../src/proto.ts";
import { Tail } from "../../src/server/task-log/tail.ts";
import {
  clientsOf,
  newTask,
  present,
  readAll,
  sendAndWait,
  type TaskClient,
  text,
  textOf,
  viewOf,
} from "../service-follow.ts";
import { openAny, protocols } from "../service-protocols.ts";
import { startServer, type TestServer } from "../service-server.ts";
import { connectStalled } from "../subscriptions-raw.ts";
import { createWatchedClock, heldMemory } from "../subscriptions-watch.ts";

const megabyte = 1_000_000;

describe("subscribers that stall", () => {
  it("cost little while 20 MB are written and others read, and miss nothing when they read on", async () => {
    await using server = await startServer();
    const { tasks } = clientsOf(openAny(server.url));
    const taskId = await newTask(tasks);
    const connection = await connectStalled(server.url);
    const stalled = await Promise.all(Array.from({ length: 8 }, () => connection.subscribe(taskId)));
    const before = await heldMemory();
    await tasks.sendEvent({ taskId, type: "flood", parts: [text("20 x 100")] });
    const { event } = await tasks.sendEvent({ taskId, type: "block", parts: [text("x")] });
    await passOver(tasks, taskId, present(event));
    const held = (await heldMemory()) - before;
    expect(held).toBeLessThan(8 * megabyte);
    server.desk.release(taskId);
    await tasks.sendEvent({ taskId, type: "finish", parts: [text("x")] });
    connection.open();
    const { messages } = viewOf(await readAll(tasks.subscribeTask({ taskId })));
    expect(messages.map(({ parts }) => textOf(parts).length)).toEqual(Array(20).fill(megabyte));
    for (const { read } of stalled) {
      const updates = await read();
      const view = viewOf(updates);
      expect(view.messages).toEqual(messages);
      expect(view.task?.state).toBe(TaskState.COMPLETED);
      // 2,000 were written.
      expect(updates.filter(({ entry }) => entry.case === "delta").length).toBeLessThan(500);
    }
    connection.destroy();
  });
});

/** Follows a task until an event is being processed, and keeps nothing of what it reads. */
async function passOver(tasks: TaskClient, taskId: string, { id }: Event): Promise<void> {
  const leave = new AbortController();
  for await (const { update } of tasks.subscribeTask({ taskId }, { signal: leave.signal })) {
    if (update?.entry.case !== "event" || update.entry.value.id !== id) continue;
    if (update.entry.value.state === EventState.PROCESSING) break;
  }
  leave.abort();
}

describe("subscribers that leave", () => {
  const heartbeat = 54_321;
  const { clock, untilWaiting } = createWatchedClock(heartbeat);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ heartbeat, clock });
  });
  afterAll(() => server.close());

  it.each(protocols)("leave nothing behind: $name", async ({ open }) => {
    const { tasks } = clientsOf(open(server));
    const taskId = await newTask(tasks);
    await untilWaiting(0);
    const leave = new AbortController();
    const subscriptions = Array.from({ length: 20 }, () =>
      readAll(tasks.subscribeTask({ taskId }, { signal: leave.signal })),
    );
    const ends = Promise.allSettled(subscriptions);
    await untilWaiting(20);
    leave.abort();
    await untilWaiting(0);
    await setImmediate();
    expect(countTails()).toBe(0);
    expect((await ends).map(({ status }) => status)).toEqual(Array(20).fill("rejected"));
  });

  it("leave nothing behind when they stall, and their connection breaks", async () => {
    const { tasks } = clientsOf(openAny(server.url));
    const taskId = await newTask(tasks);
    const connection = await connectStalled(server.url);
    await sendAndWait(tasks, taskId, "flood", "1 x 100");
    for (let count = 0; count < 20; count++) await connection.subscribe(taskId);
    expect(countTails()).toBe(1);
    connection.destroy();
    await vi.waitFor(() => expect(countTails()).toBe(0));
  });

  it("leave no memory behind, however many come and go", async () => {
    const { tasks } = clientsOf(openAny(server.url));
    const taskId = await newTask(tasks);
    const comeAndGo = async () => {
      const leave = new AbortController();
      const ends = Array.from({ length: 100 }, () =>
        readAll(tasks.subscribeTask({ taskId }, { signal: leave.signal })),
      );
      await untilWaiting(100);
      leave.abort();
      await Promise.allSettled(ends);
      await untilWaiting(0);
    };
    for (let round = 0; round < 3; round++) await comeAndGo();
    const before = await heldMemory();
    for (let round = 0; round < 10; round++) await comeAndGo();
    expect((await heldMemory()) - before).toBeLessThan(4 * megabyte);
  });
});

/** Counts the logs that the server holds a window on. */
function countTails(): number {
  return queryObjects(Tail, { format: "count" });
}

describe("a task that has ended", () => {
  it("is replayed the same by a server that was started later, which then ends the stream", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pigeonhole-"));
    const store = `sqlite:${join(folder, "store.db")}`;
    const first = await startServer({ store });
    const before = clientsOf(openAny(first.url)).tasks;
    const taskId = await newTask(before);
    await sendAndWait(before, taskId, "stumble", "tea");
    await sendAndWait(before, taskId, "finish", "had tea");
    const log = await readAll(before.subscribeTask({ taskId }));
    await first.close();
    const second = await startServer({ store });
    const after = clientsOf(openAny(second.url)).tasks;
    expect(await readAll(after.subscribeTask({ taskId }))).toEqual(log);
    const afterSequence = log[3]?.sequence ?? 0n;
    expect(await readAll(after.subscribeTask({ taskId, afterSequence }))).toEqual(log.slice(4));
    await second.close();
    await rm(folder, { recursive: true });
  });
});
