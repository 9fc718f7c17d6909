import { type TaskFilters, TaskState } from "../../client/index.ts";
import { defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { timeText } from "../describe.ts";
import { take } from "../output.ts";
import { taskJson } from "../to-json.ts";
import { choicesOf, parseChoices, parseLimit, parsePairs } from "../values.ts";

export const taskList = defineCommand({
  name: "task list",
  args: "",
  summary: "List tasks, newest first.",
  options: {
    agent: { type: "string", value: "agent", summary: "Only tasks of this agent." },
    state: {
      type: "string",
      multiple: true,
      value: "state",
      summary: `Only tasks in this state: ${choicesOf(TaskState).join(", ")}.`,
    },
    label: { type: "string", multiple: true, value: "key=value", summary: "Only tasks with this label." },
    prefix: { type: "string", value: "text", summary: "Only tasks whose name begins so." },
    parent: { type: "string", value: "task", summary: "Only tasks that were made on behalf of this one." },
    owner: { type: "string", value: "principal", summary: "Only tasks of this owner." },
    limit: { type: "string", value: "number", summary: "How many to show, or all. Default 100." },
    ...serverOptions,
  },
  async run({ values, output }) {
    const client = connect(values);
    const limit = parseLimit(values.limit);
    const filters: TaskFilters = {
      states: parseChoices("state", TaskState, values.state),
      labels: parsePairs("label", values.label),
      pageSize: Math.min(limit, 1000),
      ...(values.agent !== undefined && { agent: values.agent }),
      ...(values.owner !== undefined && { owner: values.owner }),
      ...(values.prefix !== undefined && { namePrefix: values.prefix }),
      ...(values.parent !== undefined && { parentTaskId: await findTaskId(client, values.parent) }),
    };
    const heading = ["task", "agent", "state", "waiting", "dead", "created", "name"];
    await output.table(take(client.tasks.list(filters), limit), taskJson, heading, (task) => [
      task.id,
      task.agent,
      TaskState[task.state],
      String(task.pendingEvents),
      String(task.deadLetteredEvents),
      timeText(task.createTime),
      task.name,
    ]);
    return 0;
  },
});
