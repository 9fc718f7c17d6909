import { defineCommand } from "../command.ts";
import { connect, connectPatiently, findTaskId, serverOptions } from "../connect.ts";
import { followAndDraw } from "../follow-and-draw.ts";
import { UsageError } from "../usage-error.ts";

export const taskWatch = defineCommand({
  name: "task watch",
  args: "TASK",
  summary: "Show a task's conversation as it streams, until the task ends.",
  details: `Goes on by itself after a lost connection. The exit code tells how the task ended: 0 COMPLETED, 6 FAILED or
TIMED_OUT, 7 CANCELLED.`,
  options: {
    after: {
      type: "string",
      value: "sequence",
      summary: "Begin after this sequence of the log, or at its end: end.",
    },
    answer: { type: "boolean", summary: "Ask for the answers of the questions that the task asks." },
    ...serverOptions,
  },
  async run({ args: [key = ""], values, output }) {
    const client = connect(values);
    const task = await client.tasks.get(await findTaskId(client, key));
    const afterSequence = sequenceOf(values.after ?? "0", task.sequence);
    return followAndDraw(connectPatiently(values), task, output, {
      afterSequence,
      answer: values.answer ?? false,
    });
  },
});

function sequenceOf(text: string, end: bigint): bigint {
  if (text === "end") return end;
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new UsageError(`--after must be a sequence or end, not ${JSON.stringify(text)}`);
}
