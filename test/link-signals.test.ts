import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { linkSignals } from "../src/server/link-signals.ts";

it("aborts with the first of its sources, for the same reason, and lets go of all", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const linked = linkSignals(first.signal, second.signal);
  second.abort("why");
  first.abort("too late");
  expect(linked.signal.reason).toBe("why");
  expect(getEventListeners(first.signal, "abort")).toEqual([]);
  expect(getEventListeners(second.signal, "abort")).toEqual([]);
});

it("is aborted at once if a source is", () => {
  const other = new AbortController();
  expect(linkSignals(other.signal, AbortSignal.abort("before")).signal.reason).toBe("before");
});

it("follows no more once it is released, and can still be aborted by itself", () => {
  const source = new AbortController();
  const linked = linkSignals(source.signal);
  linked.release();
  source.abort("unheard");
  expect(linked.signal.aborted).toBe(false);
  expect(getEventListeners(source.signal, "abort")).toEqual([]);
  linked.abort("itself");
  expect(linked.signal.reason).toBe("itself");
});
