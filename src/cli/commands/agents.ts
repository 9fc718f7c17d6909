import { defineCommand } from "../command.ts";
import { connect, serverOptions } from "../connect.ts";
import { agentJson } from "../to-json.ts";

export const agents = defineCommand({
  name: "agents",
  args: "",
  summary: "List the agents that the server has.",
  options: serverOptions,
  async run({ values, output }) {
    const heading = ["agent", "tasks", "waiting", "description"];
    await output.table(connect(values).agents.list(), agentJson, heading, (agent) => [
      agent.name,
      String(agent.unfinishedTasks),
      String(agent.pendingEvents),
      agent.description || "-",
    ]);
    return 0;
  },
});
