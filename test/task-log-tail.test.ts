import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageAuthor, MessageState } from "../src/proto.ts";
import type { LogContent, LogEntry, MessageRecord } from "../src/server/store/records.ts";
import { Tail } from "../src/server/task-log/tail.ts";
import "./property-seed.ts";

/** A log of messages that stream, kept in memory, of which a page has few entries. */
function createLog(pageSize = 3) {
  let entries: LogEntry[] = [];
  let reads = 0;
  const deltas = new Map<string, string[]>();
  let lastSequence = 0;
  const append = (content: LogContent) => {
    lastSequence += 1;
    entries.push({ sequence: lastSequence, time: 0, ...content });
  };
  const message = (id: string, state: MessageState): MessageRecord => ({
    ...{ id, taskId: "t", sequence: 0, attempt: 1, author: MessageAuthor.AGENT, state },
    ...{ createTime: 0, updateTime: 0 },
  });
  return {
    deltas,
    reads: () => reads,
    lastSequence: () => lastSequence,
    begin(id: string) {
      deltas.set(id, []);
      append({ kind: "message", message: message(id, MessageState.STREAMING) });
    },
    write(id: string, text: string) {
      deltas.get(id)?.push(text);
      append({ kind: "delta", delta: { messageId: id, partIndex: 0, text } });
    },
    end: (id: string) => append({ kind: "message", message: message(id, MessageState.DONE) }),
    /** Takes the deltas of a message that is done out of the log, and puts its content into the entry that ended it. */
    compact(id: string) {
      const content = Buffer.from(deltas.get(id)?.join("") ?? "");
      entries = entries
        .filter((entry) => entry.kind !== "delta" || entry.delta.messageId !== id)
        .map((entry) =>
          entry.kind === "message" && entry.message.id === id && entry.message.state === MessageState.DONE
            ? { ...entry, message: { ...entry.message, content } }
            : entry,
        );
    },
    async read({ afterSequence }: { afterSequence: number }) {
      reads += 1;
      const rest = entries.filter(({ sequence }) => sequence > afterSequence);
      return { entries: rest.slice(0, pageSize), lastSequence, ended: false };
    },
  };
}

/** Follows a tail as the task log does, and keeps what the messages say. */
function createReader(tail: Tail) {
  const texts = new Map<string, string>();
  const seen: number[] = [];
  let cursor = 0;
  let caughtUp = false;
  let busy = false;
  return {
    texts,
    seen,
    caughtUp: () => caughtUp,
    idle: () => !busy,
    cursor: () => cursor,
    async read() {
      const page = await tail.after(cursor, caughtUp);
      for (const entry of page.entries) {
        cursor = entry.sequence;
        seen.push(cursor);
        if (entry.kind === "delta") {
          const { messageId, text = "" } = entry.delta;
          texts.set(messageId, (texts.get(messageId) ?? "") + text);
        }
        if (entry.kind === "message") {
          const { id, content } = entry.message;
          texts.set(id, content ? Buffer.from(content).toString() : (texts.get(id) ?? ""));
        }
      }
      caughtUp = cursor === page.lastSequence;
    },
    /** Waits for what comes next, and reads it when the tail is told of it. */
    async follow() {
      busy = true;
      if (await tail.grown(cursor, new AbortController().signal, () => () => {})) await this.read();
      busy = false;
    },
  };
}

/** Leaves out what makes a text long. */
const brief = (text: string) => text.replaceAll(".", "");

const step = fc.record({
  op: fc.constantFrom("begin", "write", "write", "write", "end", "compact", "read", "read", "follow", "join"),
  pick: fc.nat(2),
});

describe("a window on a log's end", () => {
  it("makes the same conversation for every reader, whatever is compacted meanwhile (G4)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const log = createLog();
        const tail = new Tail("t", (args) => log.read(args));
        const readers = [createReader(tail), createReader(tail), createReader(tail)];
        const following: Promise<void>[] = [];
        let open: string[] = [];
        const done: string[] = [];
        for (const [index, { op, pick }] of steps.entries()) {
          const id = open[pick % Math.max(1, open.length)];
          const reader = readers[pick];
          if (op === "begin") open.push(`m${index}`);
          if (op === "begin") log.begin(`m${index}`);
          // So long that the window holds two of them.
          if (op === "write" && id) log.write(id, `${index};`.padEnd(100_000, "."));
          if (op === "end" && id) log.end(id);
          if (op === "end" && id) done.push(id);
          if (op === "end") open = open.filter((one) => one !== id);
          if (op === "compact") for (const one of done.splice(pick)) log.compact(one);
          if (op === "read" && reader?.idle()) await reader.read();
          if (op === "follow" && reader?.idle() && reader.caughtUp()) following.push(reader.follow());
          if (op === "join") readers[pick] = createReader(tail);
          tail.changed();
        }
        log.begin("last");
        tail.changed();
        await Promise.all(following);
        const truth = new Map([...log.deltas].map(([id, texts]) => [id, brief(texts.join(""))]));
        for (const reader of readers) {
          while (reader.cursor() < log.lastSequence()) {
            await (reader.caughtUp() ? reader.follow() : reader.read());
          }
          expect(new Map([...reader.texts].map(([id, text]) => [id, brief(text)]))).toEqual(truth);
          expect(reader.seen).toEqual([...new Set(reader.seen)].sort((a, b) => a - b));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("serves all who are in step from one read, over a gap", async () => {
    const log = createLog(100);
    const tail = new Tail("t", (args) => log.read(args));
    const readers = [createReader(tail), createReader(tail), createReader(tail)];
    log.begin("a");
    for (const text of ["b", "c", "d"]) log.write("a", text);
    log.end("a");
    log.compact("a");
    await readers[0]?.read();
    const reads = log.reads();
    for (const reader of readers) await reader.read();
    expect(readers.map(({ seen }) => seen)).toEqual(Array(3).fill([1, 5]));
    expect(log.reads()).toBe(reads);
    log.begin("e");
    log.write("e", "f");
    log.end("e");
    const all = Promise.all(readers.map((reader) => reader.follow()));
    tail.changed();
    await all;
    expect(readers.map(({ texts }) => texts.get("e"))).toEqual(Array(3).fill("f"));
    expect(log.reads()).toBe(reads + 1);
  });
});
