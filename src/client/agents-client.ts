import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { type Agent, AgentService } from "../proto.ts";
import { readPages } from "./read-pages.ts";
import { requireField } from "./required-field.ts";
import { type RetryPolicy, retry } from "./retry.ts";
import type { ListOptions, ReadOptions } from "./task-options.ts";

/** Tells which agents a server has. Rejects and throws as TasksClient does. */
export interface AgentsClient {
  /** Lists the agents, by name. Reads on page by page as it is iterated. */
  list(options?: ListOptions): AsyncIterable<Agent>;
  /** Gets an agent. Rejects with `AGENT_NOT_FOUND`. */
  get(name: string, options?: ReadOptions): Promise<Agent>;
}

/** Makes an AgentsClient over a transport. */
export function createAgentsClient(transport: Transport, policy: RetryPolicy): AgentsClient {
  const rpc: Client<typeof AgentService> = createClient(AgentService, transport);
  return {
    list: ({ signal, pageSize = 0 } = {}) =>
      readPages(signal, async (pageToken) => {
        const response = await retry(policy, signal, (call) => rpc.listAgents({ pageSize, pageToken }, call));
        return { items: response.agents, nextPageToken: response.nextPageToken };
      }),
    async get(name, { signal } = {}) {
      const response = await retry(policy, signal, (call) => rpc.getAgent({ agent: name }, call));
      return requireField(response, "agent").agent;
    },
  };
}
