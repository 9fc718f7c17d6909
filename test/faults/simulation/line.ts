import { TaskError } from "../../../src/server/errors.ts";
import type { Commit } from "../../../src/server/store/calls.ts";
import type { BatchResult, Call, CallResult } from "../../../src/server/store/sqlite/protocol.ts";
import { reads, type TransactionName, writes } from "../../../src/server/store/sqlite/transactions.ts";
import type { Store } from "../../../src/server/store/store.ts";
import type { Random } from "../../crash-random.ts";
import type { Disk, Haste } from "./disk.ts";
import type { Move } from "./world.ts";

/** What all processes share: the disk, and who is told of what is safe on it. */
export interface Shared {
  disk: Disk;
  haste: Haste | undefined;
  random: Random;
  /** How often the storage cannot write, of 1. */
  failures: number;
  lines: Set<Line>;
  /** Is told of each call once it is safe, in the order in which they took effect. */
  committed(call: Call, result: CallResult): void;
}

/** A process's way to the disk. As in the SQLite store, writes and reads go separate ways, each in order, and many at a time. */
export interface Line {
  readonly store: Store;
  /** What may happen on it next. */
  moves(): Move[];
  /** Tells of a commit that another process made. */
  tell(commit: Commit): void;
  /** Ends it: of what is on its way, the first so many writes still take effect, and nobody learns it. */
  cut(lastWrites: number): void;
  /** Leaves it to a process that should be gone: what its turns write still goes on its way, and nothing else. */
  abandon(): void;
}

interface Waiting {
  call: Call;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** What a turn writes, fenced by its number; what a schedule does, by its time; and what was posted, by how far that has come. */
const fenced = new Set<TransactionName>([
  ...(["takeEvents", "appendOutput", "commitTurn", "failTurn"] as const),
  ...(["fireSchedule", "settleDelivery"] as const),
]);

export function createLine(name: string, shared: Shared): Line {
  const { disk, haste, random } = shared;
  const listeners = new Set<(commit: Commit) => void>();
  let state: "alive" | "abandoned" | "cut" = "alive";
  let writing: Waiting[] = [];
  let reading: Waiting[] = [];
  /** What is on its way back, by each of the ways. */
  let written: (() => void)[] = [];
  let read: (() => void)[] = [];
  let unsafe: (() => void) | undefined;

  const line: Line = { store: createStore(), moves, tell, cut, abandon };
  return line;

  function createStore(): Store {
    const methods = [...Object.keys(writes), ...Object.keys(reads)] as TransactionName[];
    const calls = methods.map((method) => [method, (args: unknown) => call(method, args)]);
    // The methods of a store are its transactions, by name.
    const store = Object.fromEntries(calls) as Omit<Store, "watch" | "close">;
    return {
      ...store,
      watch(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      close: async () => {},
    };
  }

  function call(method: TransactionName, args: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // Whoever is gone waits for ever.
      if (state === "cut") return;
      const isRead = method in reads;
      if (state === "abandoned" && !isRead && !fenced.has(method)) {
        return reject(new TaskError("STORE_UNAVAILABLE", "another process serves the database"));
      }
      // What is asked crosses to another thread. What is read by is not kept, by anybody.
      const waiting = {
        call: { name: method, args: isRead ? args : structuredClone(args) },
        resolve,
        reject,
      };
      (isRead ? reading : writing).push(waiting);
    });
  }

  function moves(): Move[] {
    const pace = state === "abandoned" ? 0.2 : 1;
    const possible: Move[] = [];
    const add = (what: string, weight: number, make: () => void) =>
      possible.push({ name: `${name} ${what}`, weight: weight * pace, make });
    if (unsafe !== undefined) add("sync", 2, unsafe);
    if (writing[0] !== undefined && !disk.unsafe) add(`write ${writing[0].call.name}`, 4, write);
    if (reading[0] !== undefined && !(disk.unsafe && haste === "acknowledges")) {
      add(`read ${reading[0].call.name}`, 4, readSome);
    }
    if (written.length > 0) add("written", 5, () => written.shift()?.());
    if (read.length > 0) add("has read", 5, () => read.shift()?.());
    return possible;
  }

  function write(): void {
    const batch = writing.splice(0, random.between(1, writing.length));
    if (random.chance(shared.failures)) {
      written.push(() => {
        for (const { reject } of batch) reject(new TaskError("STORE_UNAVAILABLE", "the store cannot write"));
      });
      return;
    }
    const result = disk.write(batch.map(({ call }) => call));
    const answer = () => settle(batch, result);
    const show = () => announce(result);
    if (haste === undefined) {
      note(batch, result);
      written.push(() => {
        answer();
        show();
      });
      return;
    }
    written.push(haste === "acknowledges" ? answer : show);
    unsafe = () => {
      unsafe = undefined;
      disk.sync();
      note(batch, result);
      written.push(haste === "acknowledges" ? show : answer);
    };
  }

  function readSome(): void {
    const batch = reading.splice(0, random.between(1, reading.length));
    const result = disk.read(batch.map(({ call }) => call));
    read.push(() => settle(batch, result));
  }

  function note(batch: Waiting[], { results }: BatchResult): void {
    for (const [index, { call }] of batch.entries()) {
      const result = results[index];
      if (result !== undefined) shared.committed(call, result);
    }
  }

  function announce({ commit }: BatchResult): void {
    if (commit === undefined) return;
    for (const listener of listeners) listener(commit);
    for (const other of shared.lines) if (other !== line) other.tell(commit);
  }

  function tell(commit: Commit): void {
    written.push(() => {
      for (const listener of listeners) listener(commit);
    });
  }

  function cut(lastWrites: number): void {
    if (unsafe !== undefined) disk.lose();
    const last = writing.slice(0, lastWrites);
    if (last.length > 0 && haste === undefined) note(last, disk.write(last.map(({ call }) => call)));
    state = "cut";
    unsafe = undefined;
    [writing, reading, written, read] = [[], [], [], []];
    listeners.clear();
  }

  function abandon(): void {
    state = "abandoned";
    writing = writing.filter(({ call }) => fenced.has(call.name));
  }
}

function settle(batch: Waiting[], { results }: BatchResult): void {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const result = results[index];
    if (result === undefined) continue;
    if ("value" in result) resolve(result.value);
    else reject(new TaskError(result.reason, result.message, result.details, { cause: result.cause }));
  }
}
