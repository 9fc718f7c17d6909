import { defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { taskText } from "../describe.ts";
import { clean } from "../style.ts";
import { taskJson } from "../to-json.ts";

export const taskGet = defineCommand({
  name: "task get",
  args: "TASK",
  summary: "Show a task.",
  options: serverOptions,
  async run({ args: [key = ""], values, output }) {
    const client = connect(values);
    const task = await client.tasks.get(await findTaskId(client, key));
    await output.show(taskJson(task), () => taskText(output.paint, task));
    return 0;
  },
});

export const taskState = defineCommand({
  name: "task state",
  args: "TASK",
  summary: "Show what the agent has stored for a task.",
  options: serverOptions,
  async run({ args: [key = ""], values, output }) {
    const client = connect(values);
    const { state, revision, sequence } = await client.tasks.state(await findTaskId(client, key));
    const json = { state, revision: String(revision), sequence: String(sequence) };
    await output.show(json, () => `${clean(JSON.stringify(state, null, 2))}\n`);
    return 0;
  },
});
