import { TaskPermission } from "../../client/index.ts";
import { defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { fieldsText, timeText } from "../describe.ts";
import { clean } from "../style.ts";
import { taskTokenJson } from "../to-json.ts";
import { choicesOf, parseChoices, parseDuration } from "../values.ts";

export const taskToken = defineCommand({
  name: "task token",
  args: "TASK",
  summary: "Make a short-lived token for one task, to be given to a browser.",
  details: `Prints the token, which is kept nowhere. Its bearer may do to that task what --permission says, and nothing else: follow
it and read its messages (subscribe), or put events into its mailbox (send).`,
  options: {
    permission: {
      type: "string",
      multiple: true,
      value: "permission",
      summary: `What its bearer may do: ${choicesOf(TaskPermission).join(", ")}. Default subscribe.`,
    },
    ttl: { type: "string", value: "time", summary: "How long it is good for, up to 1h. Default 10m." },
    ...serverOptions,
  },
  async run({ args: [key = ""], values, output }) {
    const permissions = parseChoices("permission", TaskPermission, values.permission ?? ["subscribe"]);
    const ttl = values.ttl === undefined ? {} : { ttl: parseDuration("ttl", values.ttl) };
    const client = connect(values);
    const taskId = await findTaskId(client, key);
    const made = await client.tasks.createToken(taskId, { permissions, ...ttl });
    await output.show(taskTokenJson(made), () =>
      fieldsText(output.paint, [
        ["task", clean(taskId)],
        ["may", permissions.map((permission) => TaskPermission[permission].toLowerCase()).join(", ")],
        ["expires", timeText(made.expireTime)],
        ["token", clean(made.token)],
      ]),
    );
    return 0;
  },
});
