import { expect, it } from "vitest";
import { EventState, Handler, MessageAuthor, MessageState, TaskState } from "../../src/proto.ts";
import { at, boom, bytes, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeLog(scene: () => Scene): void {
  it("tells a task's life, in consecutive sequences from 1", async () => {
    const { create, send, turn, append, commit, fail, log, agent, id } = scene();
    await create({ labels: { a: "1" }, params: bytes("p"), now: at(1) });
    await commit((await turn({ now: at(2) })).turn, {
      output: [show.whole(id("hello"), "hello")],
      now: at(2),
    });
    await send("e", { now: at(3) });
    const failing = await turn({ now: at(4) });
    await append(failing.turn, [show.begin(id("half"))], { now: at(5) });
    await fail(failing.turn, { retryTime: at(7), now: at(6) });
    const { turn: number } = await turn({ now: at(7) });
    const deltas = [
      { messageId: id("answer"), partIndex: 0, text: "yes" },
      { messageId: id("answer"), partIndex: 1, part: bytes("part") },
    ];
    const output = [
      show.begin(id("answer")),
      ...deltas.map((delta) => ({ kind: "delta" as const, delta })),
      show.end(id("answer"), "yes+part"),
    ];
    await commit(number, { output, outcome: { kind: "complete", reason: "done" }, now: at(8) });

    const taskId = id("task");
    const base = {
      id: taskId,
      agent,
      labels: { a: "1" },
      params: bytes("p"),
      createTime: at(1),
      pendingEvents: 0,
      scheduledEvents: 0,
      deadLetteredEvents: 0,
    };
    const event = { id: id("e"), taskId, createTime: at(3) };
    const message = { taskId, author: MessageAuthor.AGENT };
    const answer = {
      ...message,
      id: id("answer"),
      eventId: id("e"),
      attempt: 2,
      createTime: at(8),
      updateTime: at(8),
    };
    const error = boom;
    expect(await log()).toEqual([
      {
        sequence: 1,
        time: at(1),
        kind: "task",
        task: { ...base, state: TaskState.PENDING, sequence: 1, updateTime: at(1) },
      },
      {
        sequence: 2,
        time: at(2),
        kind: "message",
        message: {
          ...message,
          id: id("hello"),
          sequence: 2,
          attempt: 1,
          content: bytes("hello"),
          state: MessageState.DONE,
          createTime: at(2),
          updateTime: at(2),
        },
      },
      {
        sequence: 3,
        time: at(2),
        kind: "task",
        task: { ...base, state: TaskState.ACTIVE, sequence: 3, updateTime: at(2) },
      },
      {
        sequence: 4,
        time: at(3),
        kind: "event",
        event: {
          ...event,
          ...newEvent(id("e")),
          sequence: 4,
          state: EventState.QUEUED,
          attempt: 0,
          updateTime: at(3),
        },
      },
      {
        sequence: 5,
        time: at(4),
        kind: "event",
        event: { ...event, sequence: 4, state: EventState.PROCESSING, attempt: 1, updateTime: at(4) },
      },
      {
        sequence: 6,
        time: at(5),
        kind: "message",
        message: {
          ...message,
          id: id("half"),
          sequence: 6,
          eventId: id("e"),
          attempt: 1,
          state: MessageState.STREAMING,
          createTime: at(5),
          updateTime: at(5),
        },
      },
      {
        sequence: 7,
        time: at(6),
        kind: "superseded",
        superseded: {
          handler: Handler.TASK_EVENT_SEND,
          eventId: id("e"),
          eventIds: [id("e")],
          attempt: 1,
          messageIds: [id("half")],
          error,
          retryTime: at(7),
        },
      },
      {
        sequence: 8,
        time: at(6),
        kind: "event",
        event: {
          ...event,
          sequence: 4,
          state: EventState.QUEUED,
          attempt: 1,
          lastError: error,
          updateTime: at(6),
        },
      },
      {
        sequence: 9,
        time: at(7),
        kind: "event",
        event: {
          ...event,
          sequence: 4,
          state: EventState.PROCESSING,
          attempt: 2,
          lastError: error,
          updateTime: at(7),
        },
      },
      {
        sequence: 10,
        time: at(8),
        kind: "message",
        message: { ...answer, sequence: 10, state: MessageState.STREAMING },
      },
      { sequence: 11, time: at(8), kind: "delta", delta: deltas[0] },
      { sequence: 12, time: at(8), kind: "delta", delta: deltas[1] },
      {
        sequence: 13,
        time: at(8),
        kind: "message",
        message: { ...answer, sequence: 10, state: MessageState.DONE },
      },
      {
        sequence: 14,
        time: at(8),
        kind: "event",
        event: {
          ...event,
          sequence: 4,
          state: EventState.PROCESSED,
          attempt: 2,
          lastError: error,
          updateTime: at(8),
        },
      },
      {
        sequence: 15,
        time: at(8),
        kind: "task",
        task: {
          ...base,
          state: TaskState.COMPLETED,
          statusReason: "done",
          sequence: 15,
          updateTime: at(8),
          endTime: at(8),
        },
      },
    ]);
  });

  it("reads on after a sequence, so many entries at a time", async () => {
    const { create, send, store, log, id } = scene();
    await create();
    for (let n = 0; n < 6; n++) await send(`e${n}`);
    const read = (afterSequence: number, maxEntries: number) =>
      store.readLog({ taskId: id("task"), afterSequence, maxEntries, maxBytes: 1e6 });
    const all = await log();
    const first = await read(0, 3);
    expect(first).toEqual({ entries: all.slice(0, 3), lastSequence: 7, ended: false });
    expect(await read(3, 3)).toEqual({ entries: all.slice(3, 6), lastSequence: 7, ended: false });
    expect(await read(6, 3)).toEqual({ entries: all.slice(6), lastSequence: 7, ended: false });
    expect(await read(7, 3)).toEqual({ entries: [], lastSequence: 7, ended: false });
    expect(await read(99, 3)).toEqual({ entries: [], lastSequence: 7, ended: false });
  });

  it("reads about so many bytes at a time, and at least one entry", async () => {
    const { create, send, store, log, id } = scene();
    await create();
    const content = new Uint8Array(10_000).fill(7);
    for (let n = 0; n < 5; n++) await send(`e${n}`, { event: { id: id(`e${n}`), content } });
    const sizes: number[] = [];
    const found = [];
    for (let after = 0; after < 6; ) {
      const page = await store.readLog({
        taskId: id("task"),
        afterSequence: after,
        maxEntries: 99,
        maxBytes: 25_000,
      });
      sizes.push(page.entries.length);
      found.push(...page.entries);
      after += page.entries.length;
    }
    expect(found).toEqual(await log());
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
    const one = { taskId: id("task"), afterSequence: 1, maxEntries: 99, maxBytes: 1 };
    expect((await store.readLog(one)).entries).toHaveLength(1);
  });

  it("counts what each entry of a task repeats of it", async () => {
    const { activate, send, finish, store, id } = scene();
    await activate({ params: new Uint8Array(10_000) });
    for (let n = 0; n < 3; n++) {
      await send(`e${n}`);
      await finish({ kind: "ask", question: { id: id(`q${n}`), prompt: "?", createTime: at(0) } });
      await send(`a${n}`, { answers: id(`q${n}`) });
    }
    const page = { taskId: id("task"), afterSequence: 0, maxEntries: 99, maxBytes: 25_000 };
    const { entries } = await store.readLog(page);
    expect(entries.filter(({ kind }) => kind === "task")).toHaveLength(3);
  });

  it("keeps a large content as it is", async () => {
    const { create, events, id } = scene();
    const content = Uint8Array.from({ length: 1_048_576 }, (_, n) => (n * 31) % 256);
    await create({ event: { id: id("e"), content } });
    expect(Buffer.compare((await events())[0]?.content ?? new Uint8Array(), content)).toBe(0);
  });

  it("has ended with the final entry, and not before", async () => {
    const { create, cancel, finish, store, id } = scene();
    const read = () => store.readLog({ taskId: id("task"), afterSequence: 0, maxEntries: 1, maxBytes: 1e6 });
    await create();
    expect((await read()).ended).toBe(false);
    await cancel();
    expect((await read()).ended).toBe(false);
    await finish({ kind: "continue" });
    // Also on a page that does not reach it yet.
    expect(await read()).toMatchObject({ entries: [{ sequence: 1 }], lastSequence: 3, ended: true });
  });

  it("is not found, nor are lists and state, for a task that is not there", async () => {
    const { store, id } = scene();
    const page = { taskId: id("nobody"), afterSequence: 0, limit: 1, maxBytes: 1 };
    const reads = [
      store.readLog({ ...page, maxEntries: 1 }),
      store.listEvents({ ...page, states: [] }),
      store.listMessages(page),
      store.getState(id("nobody")),
      store.peekEvents(page),
    ];
    for (const read of reads) expect(await reasonOf(read)).toBe("TASK_NOT_FOUND");
  });
}
