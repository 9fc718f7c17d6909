import { defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { taskText } from "../describe.ts";
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
