import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AgentSchema, AgentService } from "../proto.ts";
import type { Agent } from "./agent.ts";
import { requireAgent } from "./mailbox/mailbox.ts";
import { createPageTokens } from "./page-token.ts";
import type { Store } from "./store/store.ts";

export interface AgentServiceOptions {
  agents: ReadonlyMap<string, Agent>;
  store: Pick<Store, "countAgent">;
}

/** AgentService over the agents of this server and what the store counts of them. */
export function createAgentService({ agents, store }: AgentServiceOptions): ServiceImpl<typeof AgentService> {
  const names = [...agents.keys()].sort();
  return {
    async listAgents({ pageSize, pageToken }) {
      const tokens = createPageTokens("agents", [], ["string"]);
      const after = String(tokens.decode(pageToken)?.[0] ?? "");
      const following = names.filter((name) => name > after);
      const page = following.slice(0, pageSize || 100);
      const more = page.length < following.length;
      return {
        agents: await Promise.all(page.map(describe)),
        nextPageToken: more ? tokens.encode([page.at(-1) ?? ""]) : "",
      };
    },

    async getAgent({ agent }) {
      return { agent: await describe(agent) };
    },
  };

  async function describe(name: string): Promise<MessageInitShape<typeof AgentSchema>> {
    const { description, mailbox, retry, cancelGrace } = requireAgent(agents, name);
    const { unfinishedTasks, pendingEvents } = await store.countAgent(name);
    return {
      name,
      description: description ?? "",
      mailbox,
      retry: {
        maxAttempts: retry.maxAttempts,
        initialBackoff: durationFromMs(retry.initialBackoff),
        maxBackoff: durationFromMs(retry.maxBackoff),
      },
      cancelGrace: durationFromMs(cancelGrace),
      unfinishedTasks: BigInt(unfinishedTasks),
      pendingEvents: BigInt(pendingEvents),
    };
  }
}
