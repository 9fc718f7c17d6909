import type { Agent, Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import type { Thrown } from "./turn-end.ts";

export interface Grace {
  agent: Agent;
  /** Aborts when the handler is to stop. */
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
}

/** How a handler came to its end. */
export interface Settled {
  /** What it threw, if it did. */
  thrown?: Thrown;
  /** Whether it goes on, and is not waited for any longer. */
  leftBehind: boolean;
}

/** Waits for a handler; once the signal has aborted, for the agent's grace at most. */
export async function settled(
  handler: Promise<void>,
  { agent, signal, clock, log }: Grace,
): Promise<Settled> {
  const outOfPatience = Promise.withResolvers<Settled>();
  let disarm: (() => void) | undefined;
  const onAbort = () => {
    disarm = clock.timer(agent.cancelGrace, () => {
      log.warn("a handler goes on after its signal aborted, and is left behind");
      outOfPatience.resolve({ leftBehind: true });
    });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const done = handler.then(
    () => ({ leftBehind: false }),
    (thrown: unknown) => ({ leftBehind: false, thrown: { thrown } }),
  );
  try {
    return await Promise.race([done, outOfPatience.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    disarm?.();
  }
}
