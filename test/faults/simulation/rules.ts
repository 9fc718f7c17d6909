import type { AgentDefinition } from "../../../src/server/agent.ts";
import type { Random } from "../../crash-random.ts";
import { tick } from "./ticks.ts";

/** How a simulation's agent rules its mailboxes. */
export type SimulatedRules = Pick<AgentDefinition, "mailbox" | "onBusy" | "schedules">;

/** Picks rules: those that hold unless an agent says other as often as not. */
export function pickRules(random: Random): SimulatedRules {
  const batch = random.pick([undefined, undefined, { max: 2, wait: 5 }, { max: 3, wait: 30 }]);
  const onBusy = random.pick(["queue", "queue", "queue", "queue", "steer", "interrupt", "reject"] as const);
  return {
    mailbox: { parallel: random.pick([1, 1, 2, 3]), ...(batch && { batch }) },
    onBusy,
    // What comes while it is busy would be refused, too.
    ...(onBusy !== "reject" && random.chance(0.2) && { schedules: { tick } }),
  };
}
