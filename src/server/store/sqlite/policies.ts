import type { AgentRecord, Millis } from "../records.ts";
import type { Sql } from "./sql.ts";
import type { Tx } from "./tx.ts";

/** A row of `agents`. */
interface AgentRow {
  name: string;
  max_pending: number;
  parallel: number;
  batch_max: number | null;
  batch_wait: Millis | null;
  retention: Millis | null;
  keep_deltas: Millis;
  state_history: number | null;
  starts_active: number | null;
}

/** The rules that a connection has read: almost every transaction needs them, and they change when a server starts. */
const known = new WeakMap<Sql, Map<string, AgentRecord>>();

/** Forgets the rules that a connection has read, because they may have changed, or changed back. */
export function forgetPolicies(sql: Sql): void {
  known.delete(sql);
}

/** See Store.putAgents. */
export function putAgents(tx: Tx, agents: readonly AgentRecord[]): void {
  forgetPolicies(tx.sql);
  for (const agent of agents) {
    const { name, maxPending, parallel, batch, retention, keepDeltas, stateHistory, startsActive } = agent;
    lookAgain(tx.sql, agent);
    tx.sql.run`insert or replace into agents
        (name, max_pending, parallel, batch_max, batch_wait, retention, keep_deltas, state_history, starts_active)
      values (${name}, ${maxPending}, ${parallel}, ${batch?.max}, ${batch?.wait}, ${retention}, ${keepDeltas},
        ${stateHistory}, ${startsActive === true ? 1 : 0})`;
  }
}

/**
 * Has all tasks looked at that may be due at another time by new rules: what waits for a batch, for room beside what is in hand, or for more
 * than the mailbox takes now.
 */
function lookAgain(sql: Sql, agent: AgentRecord): void {
  const { name } = agent;
  if (timing(readPolicy(sql, name)) !== timing(agent))
    sql.run`update tasks set due_at = updated_at where agent = ${name} and ended_at is null and waiting > 0`;
}

/** What of an agent's rules says when a turn is due. */
function timing({ maxPending, parallel, batch }: AgentRecord): string {
  return [maxPending, parallel, batch?.max, batch?.wait].join();
}

/** Tells the rules of an agent's mailboxes: those of a plain one if the agent is not known. */
export function policyOf(sql: Sql, agent: string): AgentRecord {
  const rules = known.get(sql) ?? new Map<string, AgentRecord>();
  known.set(sql, rules);
  const policy = rules.get(agent) ?? readPolicy(sql, agent);
  rules.set(agent, policy);
  return policy;
}

function readPolicy(sql: Sql, agent: string): AgentRecord {
  const row = sql.one<AgentRow>`select * from agents where name = ${agent}`;
  if (row === undefined) {
    return {
      name: agent,
      maxPending: Number.POSITIVE_INFINITY,
      parallel: 1,
      keepDeltas: Number.POSITIVE_INFINITY,
    };
  }
  const { name, max_pending, parallel, batch_max, batch_wait, retention, keep_deltas, state_history } = row;
  return {
    name,
    maxPending: max_pending,
    parallel,
    ...(batch_max !== null && { batch: { max: batch_max, wait: batch_wait ?? 0 } }),
    ...(retention !== null && { retention }),
    keepDeltas: keep_deltas,
    ...(state_history !== null && { stateHistory: state_history }),
    ...(row.starts_active === 1 && { startsActive: true }),
  };
}
