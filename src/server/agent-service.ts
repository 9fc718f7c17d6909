import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { type AgentSchema, type AgentService, OnExhausted } from "../proto.ts";
import type { Agent } from "./agent.ts";
import { callerKey } from "./auth/index.ts";
import { busyPolicies } from "./mailbox/busy-policy.ts";
import { requireAgent } from "./mailbox/mailbox.ts";
import { createPageTokens, defaultPageSize } from "./page-token.ts";
import type { Exhausted } from "./store/calls.ts";
import type { AgentCounts } from "./store/records.ts";
import type { Store } from "./store/store.ts";

/** How many tasks are counted in one read: some 30 ms of the store's time, in which it reads nothing else. */
const maxScanned = 10_000;

export interface AgentServiceOptions {
  agents: ReadonlyMap<string, Agent>;
  store: Pick<Store, "countAgent">;
}

/** AgentService over the agents of this server and what the store counts of them. */
export function createAgentService({ agents, store }: AgentServiceOptions): ServiceImpl<typeof AgentService> {
  const names = [...agents.keys()].sort();
  return {
    async listAgents({ pageSize, pageToken }, { values }) {
      const { owner } = values.get(callerKey);
      const tokens = createPageTokens("agents", [], ["string"]);
      const after = String(tokens.decode(pageToken)?.[0] ?? "");
      const following = names.filter((name) => name > after);
      const page = following.slice(0, pageSize || defaultPageSize);
      const more = page.length < following.length;
      return {
        agents: await Promise.all(page.map((name) => describe(name, owner))),
        nextPageToken: more ? tokens.encode([page.at(-1) ?? ""]) : "",
      };
    },

    async getAgent({ agent }, { values }) {
      return { agent: await describe(agent, values.get(callerKey).owner) };
    },
  };

  /** Describes an agent, with the counts of what an owner has there, or of all. */
  async function describe(
    name: string,
    owner: string | undefined,
  ): Promise<MessageInitShape<typeof AgentSchema>> {
    const agent = requireAgent(agents, name);
    const { unfinishedTasks, pendingEvents } = await count(name, owner);
    const { turnTimeout, retention } = agent;
    return {
      name,
      description: agent.description ?? "",
      mailbox: describeMailbox(agent),
      retry: describeRetry(agent),
      cancelGrace: durationFromMs(agent.cancelGrace),
      unfinishedTasks: BigInt(unfinishedTasks),
      pendingEvents: BigInt(pendingEvents),
      onBusy: busyPolicies[agent.onBusy],
      ...(turnTimeout !== undefined && { turnTimeout: durationFromMs(turnTimeout) }),
      ...(retention !== undefined && { retention: durationFromMs(retention) }),
      webhooks: Object.keys(agent.webhooks ?? {}).sort(),
      schedules: Object.keys(agent.schedules ?? {}).sort(),
      stateHistory: agent.stateHistory,
    };
  }

  /** Counts read by read, so that an agent of very many tasks holds up nobody. What changes between is counted as it was or as it is. */
  async function count(agent: string, owner: string | undefined): Promise<AgentCounts> {
    const counts = { unfinishedTasks: 0, pendingEvents: 0 };
    const args = { agent, ...(owner !== undefined && { owner }), maxScanned };
    for (let after: string | undefined = ""; after !== undefined; ) {
      const page: AgentCounts = await store.countAgent({ ...args, after });
      counts.unfinishedTasks += page.unfinishedTasks;
      counts.pendingEvents += page.pendingEvents;
      after = page.next;
    }
    return counts;
  }
}

const exhausted: Record<Exhausted, OnExhausted> = {
  "dead-letter": OnExhausted.DEAD_LETTER,
  pause: OnExhausted.PAUSE,
  fail: OnExhausted.FAIL,
};

function describeMailbox({ mailbox: { maxPending, parallel, batch } }: Agent) {
  return {
    maxPending,
    parallel,
    ...(batch && { batch: { max: batch.max, wait: durationFromMs(batch.wait) } }),
  };
}

function describeRetry({ retry: { maxAttempts, initialBackoff, maxBackoff, onExhausted } }: Agent) {
  return {
    maxAttempts,
    initialBackoff: durationFromMs(initialBackoff),
    maxBackoff: durationFromMs(maxBackoff),
    onExhausted: exhausted[onExhausted],
  };
}
