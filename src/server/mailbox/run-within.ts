import { createContext, Script } from "node:vm";
import type { Millis } from "../store/records.ts";

const slot: { work: () => void } = { work: () => {} };
const context = createContext(slot);
const call = new Script("work()");

/** How often something is begun anew that was broken off by the clock though it had not worked for so long. */
const maxTries = 10;

/**
 * Runs something that does not wait, and gives what it returns, or undefined if it works for longer than `timeout` ms: it is then broken off
 * wherever it is, be it within a regular expression, so it should change nothing. On a machine that has much else to do the time is up
 * before the work is; it is begun anew then, up to ten times in all. Throws what it throws. Costs about 0.1 ms. It protects from work that
 * takes too long, not from code that means harm.
 */
export function runWithin<T extends NonNullable<unknown>>(timeout: Millis, work: () => T): T | undefined {
  for (let tries = 1; ; tries++) {
    const begun = worked();
    const result = runOnce(timeout, work);
    if (result !== undefined || tries === maxTries || worked() - begun >= timeout * workedShare)
      return result;
  }
}

/** What the clock of a thread's work may be behind by that of the watchdog. */
const workedShare = 0.5;

/** How long this thread has worked, in ms. */
function worked(): Millis {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function runOnce<T extends NonNullable<unknown>>(timeout: Millis, work: () => T): T | undefined {
  const outcomes: ({ result: T } | { error: unknown })[] = [];
  slot.work = () => {
    try {
      outcomes.push({ result: work() });
    } catch (error) {
      outcomes.push({ error });
    }
  };
  try {
    // Nothing but this can break off code that runs: a timer would have to wait for its end.
    call.runInContext(context, { timeout });
  } catch (error) {
    // The time may also be up just when it is done: what has come out then is whole, because what breaks it off cannot be caught inside.
    if (!isTimeout(error)) throw error;
  } finally {
    slot.work = () => {};
  }
  const [outcome] = outcomes;
  if (outcome === undefined) return undefined;
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}

/** Whether an error is that of the time that is up. It is made in the context, so that it is no Error of this one. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}
