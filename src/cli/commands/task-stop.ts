import { defineCommand, type Options } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { stateText } from "../describe.ts";
import { clean } from "../style.ts";
import { taskJson } from "../to-json.ts";

const stopOptions = {
  reason: { type: "string", value: "text", summary: "Why, for the agent and the record." },
  "request-id": {
    type: "string",
    value: "id",
    summary: "Makes it safe to run this again: it has one effect.",
  },
  ...serverOptions,
} as const satisfies Options;

export const taskCancel = defineCommand({
  name: "task cancel",
  args: "TASK",
  summary: "Cancel a task: what it does stops, and what waits is dropped.",
  options: stopOptions,
  async run({ args: [key = ""], values, output }) {
    const client = connect(values);
    const { task, duplicate } = await client.tasks.cancel(await findTaskId(client, key), reasonOf(values));
    await output.show(
      { task: taskJson(task), duplicate },
      () => `${clean(task.id)} ${stateText(output.paint, task)}\n`,
    );
    return 0;
  },
});

export const taskInterrupt = defineCommand({
  name: "task interrupt",
  args: "TASK",
  summary: "Stop what a task does now, and drop the event it does it for; what waits comes next.",
  options: stopOptions,
  async run({ args: [key = ""], values, output }) {
    const client = connect(values);
    const id = await findTaskId(client, key);
    const { task, interruptedEvents, duplicate } = await client.tasks.interrupt(id, reasonOf(values));
    await output.show(
      { task: taskJson(task), interruptedEvents, duplicate },
      () => `${clean(task.id)} ${stateText(output.paint, task)}, ${interruptedEvents} interrupted\n`,
    );
    return 0;
  },
});

export const taskDelete = defineCommand({
  name: "task delete",
  args: "TASK...",
  summary: "Delete finished tasks with all that belongs to them.",
  options: serverOptions,
  async run({ args, values, output }) {
    const client = connect(values);
    for (const key of args) {
      const taskId = await findTaskId(client, key);
      await client.tasks.delete(taskId);
      await output.show({ taskId, deleted: true }, () => `${clean(taskId)} deleted\n`);
    }
    return 0;
  },
});

function reasonOf(values: { readonly reason?: string; readonly "request-id"?: string }) {
  const { reason, "request-id": requestId } = values;
  return { ...(reason !== undefined && { reason }), ...(requestId !== undefined && { requestId }) };
}
