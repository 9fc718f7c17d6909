import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyUpdate, createClient, createTaskView, type TaskView } from "../src/client/index.ts";
import { EventState, MessageState, OnBusy, TaskState, type TaskUpdate } from "../src/proto.ts";
import { collect, entry, heartbeat, taskEntry } from "./client-log.ts";
import { compact, type ModelLog, merge, modelLog } from "./client-log-model.ts";
import { quickly, serveScript, stopping } from "./client-scripted-server.ts";
import "./property-seed.ts";

function fold(updates: readonly TaskUpdate[], from = createTaskView()): TaskView {
  return updates.reduce(applyUpdate, from);
}

function text(value: string) {
  return { content: { case: "text" as const, value } };
}

function event(sequence: number, id: string, state: EventState, content?: string) {
  const parts = content === undefined ? [] : [text(content)];
  const value = { id, state, parts, sequence: BigInt(sequence), sender: content === undefined ? "" : "ada" };
  return entry(sequence, { case: "event", value });
}

function message(sequence: number, id: string, state: MessageState, ...parts: string[]) {
  return entry(sequence, {
    case: "message",
    value: { id, state, sequence: BigInt(sequence), parts: parts.map(text) },
  });
}

function delta(sequence: number, messageId: string, value: string, partIndex = 0) {
  return entry(sequence, {
    case: "delta",
    value: { messageId, partIndex, change: { case: "appendText", value } },
  });
}

describe("a view", () => {
  it("keeps what an event said while its state changes, and forgets it when it is processed", () => {
    const accepted = fold([taskEntry(1), event(2, "e", EventState.QUEUED, "hi")]);
    const started = applyUpdate(accepted, event(3, "e", EventState.PROCESSING));
    expect(started.events).toMatchObject([
      { state: EventState.PROCESSING, sender: "ada", parts: [{ content: { value: "hi" } }] },
    ]);
    expect(fold([event(4, "e", EventState.PROCESSED)], started).events).toEqual([]);
  });

  it("tells of the task what is in its mailbox between the entries that tell of the task", () => {
    const updates = [
      taskEntry(1),
      event(2, "a", EventState.QUEUED, "1"),
      event(3, "b", EventState.QUEUED, "2"),
      event(4, "a", EventState.PROCESSING),
      taskEntry(5),
    ];
    const counts = updates.map((_, i) => {
      const { task } = fold(updates.slice(0, i + 1));
      return [task?.pendingEvents, task?.processingEventId];
    });
    expect(counts).toEqual([
      [0, ""],
      [1, ""],
      [2, ""],
      [1, "a"],
      [1, "a"],
    ]);
  });

  it("shows what is scheduled, and gives it its place when it is delivered", () => {
    const scheduled = fold([
      taskEntry(1),
      event(2, "later", EventState.SCHEDULED, "at noon"),
      event(3, "now", EventState.QUEUED, "hi"),
    ]);
    expect(scheduled.task).toMatchObject({ pendingEvents: 1, scheduledEvents: 1 });
    expect(scheduled.events.map(({ id }) => id)).toEqual(["later", "now"]);
    const delivered = applyUpdate(scheduled, event(4, "later", EventState.QUEUED, "at noon"));
    expect(delivered.task).toMatchObject({ pendingEvents: 2, scheduledEvents: 0 });
    expect(delivered.events.map(({ id }) => id)).toEqual(["now", "later"]);
  });

  it("keeps what is dead-lettered apart, until it is redriven", () => {
    const dead = fold([
      taskEntry(1),
      event(2, "a", EventState.QUEUED, "hi"),
      event(3, "b", EventState.QUEUED, "ho"),
      entry(4, { case: "event", value: { id: "a", sequence: 2n, state: EventState.DEAD_LETTERED } }),
      taskEntry(5, TaskState.PAUSED),
    ]);
    expect(dead.task).toMatchObject({ pendingEvents: 1, deadLetteredEvents: 1, state: TaskState.PAUSED });
    expect(dead.deadLetters).toMatchObject([{ id: "a", parts: [{ content: { value: "hi" } }] }]);
    const redriven = applyUpdate(dead, event(6, "a", EventState.QUEUED, "hi"));
    expect(redriven.task).toMatchObject({ pendingEvents: 2, deadLetteredEvents: 0 });
    expect(redriven.events.map(({ id }) => id)).toEqual(["b", "a"]);
    expect(redriven.deadLetters).toEqual([]);
  });

  it("lets a streaming message grow, and keeps it when it is done", () => {
    const view = fold([
      message(1, "m", MessageState.STREAMING),
      delta(2, "m", "He"),
      delta(3, "m", "llo"),
      delta(4, "m", "Again", 1),
      message(5, "m", MessageState.DONE),
    ]);
    expect(view.messages).toMatchObject([
      { state: MessageState.DONE, parts: [{ content: { value: "Hello" } }, { content: { value: "Again" } }] },
    ]);
  });

  it("takes the whole message where its deltas are gone", () => {
    const view = fold([
      message(1, "m", MessageState.STREAMING),
      delta(2, "m", "He"),
      message(9, "m", MessageState.DONE, "Hello"),
    ]);
    expect(view.messages).toMatchObject([{ parts: [{ content: { value: "Hello" } }] }]);
  });

  it("keeps the order of a conversation and of a mailbox, whatever is told last", () => {
    const ended = entry(3, { case: "message", value: { id: "a", sequence: 1n, state: MessageState.DONE } });
    const again = entry(5, { case: "event", value: { id: "b", sequence: 0n, state: EventState.QUEUED } });
    const view = fold([
      message(2, "b", MessageState.DONE, "2"),
      ended,
      event(4, "a", EventState.QUEUED, "1"),
      again,
    ]);
    expect(view.messages.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(view.events.map(({ id }) => id)).toEqual(["b", "a"]);
  });

  it("looks at a few messages to place one, however long the conversation is", () => {
    let looks = 0;
    const watched = (sequence: number) => {
      const update = message(sequence, `m${sequence}`, MessageState.DONE, "hi");
      const id = `m${sequence}`;
      const look = <T>(value: T) => ({
        get() {
          looks += 1;
          return value;
        },
      });
      if (update.entry.case === "message")
        Object.defineProperties(update.entry.value, { id: look(id), sequence: look(BigInt(sequence)) });
      return update;
    };
    const length = 1000;
    const { messages } = fold(Array.from({ length }, (_, n) => watched(n + 1)));
    expect(messages.length).toBe(length);
    expect(looks).toBeLessThan(10 * length);
  });

  it("leaves out what is superseded", () => {
    const messageIds = ["a", "c"];
    const view = fold([
      message(1, "a", MessageState.DONE, "1"),
      message(2, "b", MessageState.DONE, "2"),
      message(3, "c", MessageState.STREAMING),
      entry(4, { case: "superseded", value: { messageIds } }),
    ]);
    expect(view.messages.map(({ id }) => id)).toEqual(["b"]);
  });

  it("is the same one after a heartbeat and after what it has already", () => {
    const view = fold([taskEntry(1), taskEntry(2)]);
    expect(applyUpdate(view, heartbeat(2))).toBe(view);
    expect(applyUpdate(view, taskEntry(1))).toBe(view);
    expect(applyUpdate(view, taskEntry(2))).toBe(view);
  });

  it("passes over an entry of a kind that it does not know", () => {
    const view = fold([taskEntry(1)]);
    expect(applyUpdate(view, entry(2, { case: undefined }))).toEqual({ ...view, sequence: 2n });
  });

  it("shares with the view before it all that is the same", () => {
    const view = fold([
      taskEntry(1),
      event(2, "e", EventState.QUEUED, "hi"),
      message(3, "a", MessageState.DONE, "1"),
      message(4, "b", MessageState.STREAMING),
    ]);
    const grown = applyUpdate(view, delta(5, "b", "x"));
    expect(grown.task).toBe(view.task);
    expect(grown.events).toBe(view.events);
    expect(grown.messages[0]).toBe(view.messages[0]);
    expect(grown.messages[1]).not.toBe(view.messages[1]);
    expect(applyUpdate(grown, taskEntry(6, TaskState.COMPLETED)).messages).toBe(grown.messages);
    expect(applyUpdate(grown, event(6, "e", EventState.PROCESSING)).messages).toBe(grown.messages);
  });
});

/** How a server tells a log until the connection breaks. Once it has compacted the log, it stays so. */
const interruptions = fc
  .array(fc.record({ length: fc.nat(20), again: fc.nat(5), compacted: fc.boolean(), merged: fc.boolean() }), {
    maxLength: 8,
  })
  .map((cuts) => {
    const first = cuts.findIndex(({ compacted }) => compacted);
    return cuts.map((cut, i) => ({ ...cut, compacted: first >= 0 && i >= first }));
  });

/** Tells the rest of a log as a server may at some time, with some entries that the reader has already. */
function rest(log: ModelLog, cursor: bigint, how: { again: number; compacted: boolean; merged: boolean }) {
  const seen = log.entries.filter(({ sequence }) => sequence <= cursor);
  const told = (how.compacted ? compact(log) : log.entries).filter(({ sequence }) => sequence > cursor);
  return [...seen.slice(seen.length - how.again), ...(how.merged ? merge(told) : told)];
}

describe("any log", () => {
  it("makes the conversation and the mailbox that it tells of", () => {
    fc.assert(
      fc.property(modelLog, (log) => {
        const view = fold(log.entries);
        expect(
          view.messages.map(({ id, parts, state }) => ({ id, parts, done: state === MessageState.DONE })),
        ).toEqual(log.messages);
        expect(
          view.events.map(({ id, parts, state }) => ({ id, text: parts[0]?.content.value, state })),
        ).toEqual(log.pending);
        expect(view.deadLetters.map(({ id }) => id)).toEqual(log.deadLetters);
        for (const event of [...view.events, ...view.deadLetters]) {
          expect(event).toMatchObject({ type: "chat", metadata: { n: expect.any(Number) } });
          expect(event).toMatchObject({ onBusy: OnBusy.STEER, answers: "q" });
        }
      }),
    );
  });

  it("makes the same view however often the reader leaves and resumes (G4)", () => {
    fc.assert(
      fc.property(modelLog, interruptions, (log, cuts) => {
        let view = createTaskView();
        for (const cut of cuts) view = fold(rest(log, view.sequence, cut).slice(0, cut.length), view);
        view = fold(rest(log, view.sequence, { again: 0, compacted: true, merged: true }), view);
        expect(view).toEqual(fold(log.entries));
      }),
    );
  });

  it("makes the same view when entries come again", () => {
    fc.assert(
      fc.property(modelLog, fc.nat(5), ({ entries }, back) => {
        const repeated = entries.flatMap((_, i) => entries.slice(Math.max(0, i - back), i + 1));
        expect(fold(repeated)).toEqual(fold(entries));
      }),
    );
  });

  it("changes no view that was shown", () => {
    fc.assert(
      fc.property(modelLog, ({ entries }) => {
        let view = createTaskView();
        for (const update of entries) {
          const before = structuredClone(view);
          const after = applyUpdate(view, update);
          expect(view).toEqual(before);
          view = after;
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("tasks.view", () => {
  it("shows the view after each entry, and goes on from one that it is given", async () => {
    const entries = [taskEntry(1), message(2, "m", MessageState.STREAMING), delta(3, "m", "x")];
    await using server = await serveScript({
      async *subscribeTask({ afterSequence }) {
        for (const update of entries.slice(Number(afterSequence))) yield { update };
      },
    });
    const { tasks } = createClient({ baseUrl: server.url, retry: quickly });
    const views = await collect(tasks.view("t"));
    expect(views.map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n]);
    const [, from = createTaskView()] = views;
    expect(await collect(tasks.view("t", { from }))).toEqual(views.slice(2));
  });

  it("ends in the view of a reader that never left, wherever its connection breaks (G4)", async () => {
    await fc.assert(
      fc.asyncProperty(modelLog, interruptions, async (log, cuts) => {
        const left = [...cuts];
        await using server = await serveScript({
          async *subscribeTask({ afterSequence }) {
            const cut = left.shift();
            const how = cut ?? { again: 0, compacted: true, merged: true };
            for (const update of rest(log, afterSequence, how).slice(0, cut?.length)) yield { update };
            if (cut === undefined) return;
            if (cut.again % 2 === 0) throw stopping();
            server.cut();
          },
        });
        const { tasks } = createClient({ baseUrl: server.url, retry: { initialBackoff: 0 } });
        const views = await collect(tasks.view("t"));
        expect(views.at(-1) ?? createTaskView()).toEqual(fold(log.entries));
        expect(left).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
