import { defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { timeText } from "../describe.ts";
import { clean } from "../style.ts";
import { revisionJson } from "../to-json.ts";
import { parseNumber } from "../values.ts";

export const taskState = defineCommand({
  name: "task state",
  args: "TASK",
  summary: "Show what the agent has stored for a task.",
  options: {
    revision: { type: "string", value: "number", summary: "What it was at this revision, if that is kept." },
    revisions: { type: "boolean", summary: "List the revisions that are kept instead, newest first." },
    ...serverOptions,
  },
  async run({ args: [key = ""], values, output }) {
    const wanted = parseNumber("revision", values.revision, 1, Number.MAX_SAFE_INTEGER);
    const client = connect(values);
    const { tasks } = client;
    const taskId = await findTaskId(client, key);
    if (values.revisions) {
      const heading = ["revision", "entry", "committed", "changed"];
      await output.table(tasks.states(taskId), revisionJson, heading, (one) => [
        String(one.revision),
        String(one.sequence),
        timeText(one.commitTime),
        one.changedKeys.join(", "),
      ]);
      return 0;
    }
    const options = { ...(wanted !== undefined && { revision: BigInt(wanted) }) };
    const { state, revision, sequence } = await tasks.state(taskId, options);
    const json = { state, revision: String(revision), sequence: String(sequence) };
    await output.show(json, () => `${clean(JSON.stringify(state, null, 2))}\n`);
    return 0;
  },
});
