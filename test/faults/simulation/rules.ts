import type { AgentDefinition } from "../../../src/server/agent.ts";
import type { Random } from "../../crash-random.ts";
import { pickTick } from "./ticks.ts";

/** How a simulation's agent rules its mailboxes. */
export interface SimulatedRules
  extends Pick<AgentDefinition, "keepDeltas" | "mailbox" | "onBusy" | "retry" | "schedules" | "turnTimeout"> {
  /** Whether it has an onTaskCreate. The tasks of one that has none are active from the start. */
  greets: boolean;
}

/** Picks rules: those that hold unless an agent says other as often as not. */
export function pickRules(random: Random): SimulatedRules {
  const batch = random.pick([undefined, undefined, { max: 2, wait: 5 }, { max: 3, wait: 30 }]);
  const maxPending = random.pick([undefined, undefined, undefined, 2, 3]);
  const onBusy = random.pick(["queue", "queue", "queue", "queue", "steer", "interrupt", "reject"] as const);
  const onExhausted = random.pick(["dead-letter", "dead-letter", "pause", "fail"] as const);
  // What comes while it is busy or full would be refused, too.
  const ticks = onBusy !== "reject" && maxPending === undefined && random.chance(0.3);
  const turnTimeout = random.pick([undefined, undefined, undefined, 5, 20]);
  const keepDeltas = random.pick([undefined, undefined, 0, 20]);
  return {
    ...(keepDeltas !== undefined && { keepDeltas }),
    // A tick that is given up leaves a task that never ends, after which others may be skipped for ever.
    ...(turnTimeout !== undefined && !ticks && { turnTimeout }),
    greets: random.chance(0.75),
    mailbox: {
      parallel: random.pick([1, 1, 2, 3]),
      ...(batch && { batch }),
      ...(maxPending !== undefined && { maxPending }),
    },
    onBusy,
    retry: { onExhausted, maxAttempts: random.pick([2, 5]) },
    ...(ticks && { schedules: { tick: pickTick(random) } }),
  };
}
