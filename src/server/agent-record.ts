import type { Agent } from "./agent.ts";
import type { AgentRecord } from "./store/records.ts";

/** Tells what of an agent the store has to know. */
export function agentRecord(agent: Agent): AgentRecord {
  const { name, mailbox, retention, keepDeltas, stateHistory, onTaskCreate } = agent;
  return {
    ...{ name, ...mailbox, keepDeltas, stateHistory, startsActive: onTaskCreate === undefined },
    ...(retention !== undefined && { retention }),
  };
}
