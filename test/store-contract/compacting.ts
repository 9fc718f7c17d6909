import { expect, it } from "vitest";
import { MessageState } from "../../src/proto.ts";
import type { LogEntry } from "../../src/server/store/records.ts";
import { at, bytes, type Scene, show } from "./scene.ts";

export function describeCompacting(scene: () => Scene): void {
  /** A task whose onTaskCreate has shown two messages that grew, and committed at 10; deltas are kept for 100 ms. */
  async function grown(keepDeltas = 100): Promise<Scene> {
    const one = scene();
    await one.rules({ keepDeltas });
    await one.create();
    const { turn } = await one.turn();
    const { id } = one;
    await one.append(turn, [show.begin(id("m1")), show.delta(id("m1"), "hel")]);
    await one.append(turn, [show.begin(id("m2")), show.delta(id("m1"), "lo"), show.delta(id("m2"), "you")]);
    await one.append(turn, [show.end(id("m1"), "hello"), show.whole(id("m3"), "there")]);
    await one.commit(turn, { output: [show.end(id("m2"), "you")], now: at(10) });
    return one;
  }

  /** The texts of a conversation, as one who has nothing but its log knows it. */
  function conversation(entries: readonly LogEntry[]): Record<string, string> {
    const texts = new Map<string, string>();
    for (const entry of entries) {
      if (entry.kind === "superseded") for (const id of entry.superseded.messageIds) texts.delete(id);
      if (entry.kind === "delta") {
        const { messageId, text } = entry.delta;
        texts.set(messageId, `${texts.get(messageId)}${text}`);
      }
      if (entry.kind !== "message") continue;
      const { id, content } = entry.message;
      texts.set(id, content === undefined ? (texts.get(id) ?? "") : new TextDecoder().decode(content));
    }
    return Object.fromEntries(texts);
  }

  const deltas = (entries: readonly LogEntry[]) => entries.filter(({ kind }) => kind === "delta").length;

  it("takes the deltas out of the log, and puts the parts into the entry that ended the message", async () => {
    const { fire, log, id } = await grown();
    const before = await log();
    expect(deltas(before)).toBe(3);
    await fire(at(109));
    expect(await log()).toEqual(before);
    await fire(at(110));
    const contents: Record<string, Uint8Array> = { [id("m1")]: bytes("hello"), [id("m2")]: bytes("you") };
    const expected = before
      .filter(({ kind }) => kind !== "delta")
      .map((entry) => {
        if (entry.kind !== "message" || entry.message.state !== MessageState.DONE) return entry;
        return { ...entry, message: { content: contents[entry.message.id], ...entry.message } };
      });
    expect(await log()).toEqual(expected);
  });

  it("leaves everything else as it was", async () => {
    const { fire, messages, task, events, store, id } = await grown();
    const look = async () => [
      await messages(),
      await task(),
      await events(),
      await store.getState(id("task")),
    ];
    const before = await look();
    await fire(at(110));
    expect(await look()).toEqual(before);
  });

  it("has a reader from any cursor end in the same conversation", async () => {
    const { fire, log, store, messages, id } = await grown();
    const before = await log();
    await fire(at(110));
    for (let cursor = 0; cursor <= before.length; cursor++) {
      const page = { taskId: id("task"), afterSequence: cursor, maxBytes: 1e6 };
      const rest = await store.readLog({ ...page, maxEntries: 99 });
      expect(rest.lastSequence).toBe(before.length);
      expect(rest.entries.every(({ sequence }) => sequence > cursor)).toBe(true);
      const seen = before.slice(0, cursor);
      expect(conversation([...seen, ...rest.entries])).toEqual(conversation(before));
      // A gap is no end: there is an entry as long as there is one to come.
      const one = await store.readLog({ ...page, maxEntries: 1 });
      expect(one.entries).toEqual(rest.entries.slice(0, 1));
    }
    expect(Object.keys(conversation(before))).toEqual((await messages()).map((message) => message.id));
  });

  it("goes on with consecutive sequences", async () => {
    const { fire, task, send } = await grown();
    const { sequence } = await task();
    await fire(at(110));
    expect((await send("e")).sequence).toBe(sequence + 1);
  });

  it("leaves the deltas of a turn that runs, though their message is done", async () => {
    const { activate, rules, send, turn, append, commit, fire, log, id } = scene();
    await rules({ keepDeltas: 0 });
    await activate();
    await send("e");
    const { turn: number } = await turn();
    await append(number, [show.begin(id("m")), show.delta(id("m"), "hello"), show.end(id("m"), "hello")]);
    await fire(at(1e6));
    expect(deltas(await log())).toBe(1);
    await commit(number, { now: at(1e6) });
    await fire(at(1e6));
    expect(deltas(await log())).toBe(0);
  });

  it("is the same for what a failed turn had shown, which stays superseded", async () => {
    const { activate, rules, send, turn, append, fail, commit, fire, log, messages, store, id } = scene();
    await rules({ keepDeltas: 10 });
    await activate();
    await send("e");
    const failing = await turn();
    await append(failing.turn, [show.begin(id("m1")), show.delta(id("m1"), "half")]);
    await append(failing.turn, [
      show.begin(id("m2")),
      show.delta(id("m2"), "all"),
      show.end(id("m2"), "all"),
    ]);
    await fail(failing.turn, { retryTime: at(0) });
    const { turn: number } = await turn();
    const output = [show.begin(id("m3")), show.delta(id("m3"), "whole"), show.end(id("m3"), "whole")];
    await commit(number, { output });
    const before = await log();
    const listed = await messages();
    await fire(at(10));
    expect(await messages()).toEqual(listed);
    for (let cursor = 0; cursor <= before.length; cursor++) {
      const page = { taskId: id("task"), afterSequence: cursor, maxEntries: 99, maxBytes: 1e6 };
      const { entries } = await store.readLog(page);
      expect(conversation([...before.slice(0, cursor), ...entries])).toEqual({ [id("m3")]: "whole" });
    }
  });

  it("comes sooner once the agent keeps deltas for less long", async () => {
    const { rules, fire, send, turn, commit, log, id } = await grown(1e9);
    await rules({ keepDeltas: 100 });
    await send("e");
    const output = [show.begin(id("m4")), show.delta(id("m4"), "now"), show.end(id("m4"), "now")];
    await commit((await turn({ now: at(20) })).turn, { output, now: at(20) });
    await fire(at(119));
    expect(deltas(await log())).toBe(4);
    await fire(at(120));
    expect(deltas(await log())).toBe(0);
  });

  it("comes also after the end of the task", async () => {
    const { rules, create, turn, commit, fire, log, store, id } = scene();
    await rules({ keepDeltas: 10 });
    await create();
    const output = [show.begin(id("m")), show.delta(id("m"), "bye"), show.end(id("m"), "bye")];
    await commit((await turn()).turn, { output, outcome: { kind: "complete" } });
    const { lastSequence } = await store.readLog({
      taskId: id("task"),
      afterSequence: 0,
      maxEntries: 1,
      maxBytes: 1,
    });
    await fire(at(10));
    expect(deltas(await log())).toBe(0);
    const end = { taskId: id("task"), afterSequence: lastSequence, maxEntries: 1, maxBytes: 1 };
    expect(await store.readLog(end)).toEqual({ entries: [], lastSequence, ended: true });
  });
}
