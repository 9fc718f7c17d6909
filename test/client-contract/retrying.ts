import { createClient, PigeonholeError, type RetryOptions } from "../../src/client/index.ts";
import type { ClientFact, Place } from "./fact.ts";
import type { Act, Failure } from "./script.ts";

/** The rules of the real policy, without its waits. */
const quickly = { initialBackoff: 1, maxBackoff: 2 };
const stopping: Failure = { code: 14, reason: "SERVER_STOPPING" };

const passing: Record<string, Act> = {
  UNAVAILABLE: { end: stopping },
  "RESOURCE_EXHAUSTED with a RetryInfo": { end: { code: 8, reason: "MAILBOX_FULL", retryAfter: 1 } },
  "a connection that breaks in the answer": { end: "cut" },
  "a failure without a reason of Pigeonhole": { end: { code: 2, reason: "" } },
  "CANCELLED that its caller did not cause": { end: { code: 1, reason: "CALLER_GONE" } },
};

const final: Failure[] = [
  { code: 8, reason: "REQUEST_TOO_LARGE" },
  { code: 9, reason: "TASK_FINISHED" },
  { code: 10, reason: "SEQUENCE_MISMATCH" },
  { code: 3, reason: "FIELD_INVALID" },
  { code: 13, reason: "INTERNAL" },
];

/** What a call that changes something promises when it fails, over a server that does as it is told. */
export const retrying: ClientFact[] = [
  ...Object.entries(passing).map(
    ([name, act]): ClientFact => ({
      name: `is made again, as the same request, after ${name}`,
      expected: { id: "e", calls: 3, requests: 1 },
      async find(place) {
        const { tasks, seen } = await play(place, [act, act]);
        const { event } = await tasks.send("t", "hi");
        const calls = await seen();
        return {
          ...{ id: event.id, calls: calls.length },
          requests: new Set(calls.map(({ requestId }) => requestId)).size,
        };
      },
    }),
  ),
  ...final.map(
    (failure): ClientFact => ({
      name: `is not made again after ${failure.reason}`,
      expected: { ...failure, calls: 1 },
      async find(place) {
        const { tasks, seen } = await play(place, [{ end: failure }]);
        const { code, reason } = await errorOf(tasks.send("t", "hi"));
        return { code, reason, calls: (await seen()).length };
      },
    }),
  ),
  {
    name: "waits at least as long as the server asks before it is made again",
    expected: true,
    async find(place) {
      const { tasks, seen } = await play(place, [
        { end: { code: 8, reason: "MAILBOX_FULL", retryAfter: 60 } },
      ]);
      await tasks.send("t", "hi");
      const [first, second] = await seen();
      return (second?.time ?? 0) - (first?.time ?? 0) >= 59;
    },
  },
  {
    name: "rejects at once when the server asks to wait for longer than a call may take",
    expected: { retryAfter: 3_600_000, calls: 1 },
    async find(place) {
      const { tasks, seen } = await play(place, [
        { end: { code: 14, reason: "OVERLOADED", retryAfter: 3_600_000 } },
      ]);
      const { retryAfter } = await errorOf(tasks.send("t", "hi"));
      return { retryAfter, calls: (await seen()).length };
    },
  },
  {
    name: "rejects with the last error after as many tries as allowed",
    expected: { reason: "SERVER_STOPPING", calls: 3 },
    async find(place) {
      const acts = Array.from({ length: 5 }, () => ({ end: stopping }));
      const { tasks, seen } = await play(place, acts, { maxAttempts: 3 });
      const { reason } = await errorOf(tasks.send("t", "hi"));
      return { reason, calls: (await seen()).length };
    },
  },
  {
    name: "is made again when a try takes too long",
    // On a busy machine one more may take as long.
    expected: { id: "e", again: true },
    async find(place) {
      const { tasks, seen } = await play(place, [{ end: "hang" }], { attemptTimeout: 150 });
      const { event } = await tasks.send("t", "hi");
      return { id: event.id, again: (await seen()).length > 1 };
    },
  },
  ...[Number.POSITIVE_INFINITY, 10_000 / 3].map(
    (attemptTimeout): ClientFact => ({
      name: `may take a time of ${attemptTimeout} ms`,
      expected: { id: "e", calls: 1 },
      async find(place) {
        const { tasks, seen } = await play(place, [], { attemptTimeout });
        const { event } = await tasks.send("t", "hi");
        return { id: event.id, calls: (await seen()).length };
      },
    }),
  ),
  {
    name: "has an id of its own, or the one that it is given",
    expected: [true, true, "mine"],
    async find(place) {
      const { tasks, seen } = await play(place, []);
      await tasks.send("t", "a");
      await tasks.send("t", "b");
      await tasks.send("t", "c", { requestId: "mine" });
      const [first = "", second, third] = (await seen()).map(({ requestId }) => requestId);
      const isUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(first);
      return [isUuid, first !== second, third];
    },
  },
  {
    name: "rejects with the signal's reason when aborted while it waits",
    expected: "Error: enough",
    async find(place) {
      const { tasks, called } = await play(place, [
        { end: { code: 14, reason: "OVERLOADED", retryAfter: 30_000 } },
      ]);
      const stop = new AbortController();
      const sending = tasks.send("t", "hi", { signal: stop.signal }).catch(String);
      await called();
      stop.abort(new Error("enough"));
      return await sending;
    },
  },
  {
    name: "tells an error's reason, fields and metadata",
    expected: { reason: "FIELD_INVALID", code: 3, fields: ["parts[0].text"], metadata: { limit: "3" } },
    async find(place) {
      const failure = { code: 3, reason: "FIELD_INVALID", field: "parts[0].text" };
      const { tasks } = await play(place, [{ end: failure }]);
      const { reason, code, fields, metadata } = await errorOf(tasks.send("t", "hello"));
      return { reason, code, fields: fields.map(({ field }) => field), metadata };
    },
  },
  {
    name: "tells a reason of a newer server as UNRECOGNIZED",
    expected: ["UNRECOGNIZED", 9],
    async find(place) {
      const { tasks } = await play(place, [{ end: { code: 9, reason: "MOON_IN_RETROGRADE" } }]);
      const { reason, code } = await errorOf(tasks.send("t", "hi"));
      return [reason, code];
    },
  },
];

/** Has a script played, and makes a client of it. */
async function play(place: Place, acts: readonly Act[], policy: RetryOptions = {}) {
  const script = await place.script(acts);
  const retry = { ...quickly, ...policy };
  const { seen, called } = script;
  return { seen, called, ...createClient({ transport: place.connect(script.baseUrl), retry }) };
}

async function errorOf(call: Promise<unknown>): Promise<PigeonholeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof PigeonholeError) return error;
    throw error;
  }
  throw new Error("it does not fail");
}
