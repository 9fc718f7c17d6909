import { type Webhook, WebhookKind, WebhookState } from "../../client/index.ts";
import { type Command, defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { fieldsText, timeText } from "../describe.ts";
import { type Output, take } from "../output.ts";
import { clean } from "../style.ts";
import { webhookJson } from "../to-json.ts";
import { UsageError } from "../usage-error.ts";
import { choicesOf, parseChoices, parseLimit } from "../values.ts";

const webhookCreate = defineCommand({
  name: "webhook create",
  args: "URL",
  summary: "Post what happens to a task, or to all tasks of an agent, to a URL.",
  details: "Prints the secret that deliveries are signed with. It is told here and never again.",
  options: {
    task: { type: "string", value: "task", summary: "The task to follow, from its first entry." },
    agent: { type: "string", value: "agent", summary: "The agent whose tasks to follow, from here on." },
    kind: {
      type: "string",
      multiple: true,
      value: "kind",
      summary: `Which entries to post: ${choicesOf(WebhookKind).join(", ")}. Default all.`,
    },
    secret: {
      type: "string",
      value: "secret",
      summary: "The secret to sign with. Default: the server makes one.",
    },
    ...serverOptions,
  },
  async run({ args: [url = ""], values, output }) {
    const client = connect(values);
    const { task, agent = "" } = values;
    if ((task === undefined) === (agent === "")) throw new UsageError("give --task or --agent, and not both");
    const source = task === undefined ? { agent } : { taskId: await findTaskId(client, task) };
    const { webhook, secret } = await client.webhooks.create({
      url,
      kinds: parseChoices("kind", WebhookKind, values.kind),
      ...(values.secret !== undefined && { secret: values.secret }),
      ...source,
    });
    await output.show(
      { webhook: webhookJson(webhook), secret },
      () => `${webhookText(webhook, output)}${fieldsText(output.paint, [["secret", clean(secret)]])}`,
    );
    return 0;
  },
});

const webhookList = defineCommand({
  name: "webhook list",
  args: "",
  summary: "List webhooks, oldest first.",
  options: {
    task: { type: "string", value: "task", summary: "Only webhooks of this task." },
    agent: { type: "string", value: "agent", summary: "Only webhooks of this agent." },
    limit: { type: "string", value: "number", summary: "How many to show, or all. Default 100." },
    ...serverOptions,
  },
  async run({ values, output }) {
    const client = connect(values);
    const { task, agent } = values;
    const found = client.webhooks.list({
      ...(task !== undefined && { taskId: await findTaskId(client, task) }),
      ...(agent !== undefined && { agent }),
    });
    const heading = ["webhook", "state", "follows", "failures", "delivered", "url"];
    await output.table(take(found, parseLimit(values.limit)), webhookJson, heading, (webhook) => [
      webhook.id,
      WebhookState[webhook.state],
      sourceText(webhook),
      String(webhook.failures),
      timeText(webhook.deliveryTime),
      webhook.url,
    ]);
    return 0;
  },
});

/** Makes a command that does one thing to a webhook, and shows it. */
function webhookCommand(verb: "get" | "pause" | "resume", summary: string): Command {
  return defineCommand({
    name: `webhook ${verb}`,
    args: "WEBHOOK",
    summary,
    options: serverOptions,
    async run({ args: [id = ""], values, output }) {
      await show(await connect(values).webhooks[verb](id), output);
      return 0;
    },
  });
}

const webhookDelete = defineCommand({
  name: "webhook delete",
  args: "WEBHOOK",
  summary: "Delete a webhook.",
  options: serverOptions,
  async run({ args: [id = ""], values, output }) {
    await connect(values).webhooks.delete(id);
    await output.show({ webhookId: id, deleted: true }, () => `${clean(id)} deleted\n`);
    return 0;
  },
});

export const webhookCommands = [
  webhookCreate,
  webhookList,
  webhookCommand("get", "Show a webhook."),
  webhookCommand("pause", "Pause a webhook until it is resumed."),
  webhookCommand("resume", "Resume a webhook where it was, and try again at once what has failed."),
  webhookDelete,
];

function show(webhook: Webhook, output: Output): Promise<void> {
  return output.show(webhookJson(webhook), () => webhookText(webhook, output));
}

function webhookText(webhook: Webhook, { paint }: Output): string {
  return fieldsText(paint, [
    ["webhook", clean(webhook.id)],
    ["url", clean(webhook.url)],
    ["follows", clean(sourceText(webhook))],
    ["kinds", webhook.kinds.map((kind) => WebhookKind[kind]).join(" ")],
    ["state", WebhookState[webhook.state]],
    ["failures", webhook.failures === 0 ? undefined : clean(`${webhook.failures}, ${webhook.lastError}`)],
    ["delivered", timeText(webhook.deliveryTime)],
    ["again", webhook.retryTime && timeText(webhook.retryTime)],
  ]);
}

function sourceText({ source }: Webhook): string {
  return source.case === "taskId" ? `task ${source.value}` : `agent ${source.value ?? ""}`;
}
