import { EventState, MessageAuthor } from "../../client/index.ts";
import { defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { eventStateText, partsText, partText, stateText, timeText } from "../describe.ts";
import { take } from "../output.ts";
import { clean } from "../style.ts";
import { eventJson, messageJson, taskJson } from "../to-json.ts";
import { UsageError } from "../usage-error.ts";
import { choicesOf, parseChoices, parseLimit } from "../values.ts";

export const messages = defineCommand({
  name: "messages",
  args: "TASK",
  summary: "Print a task's conversation as it is now.",
  options: {
    limit: {
      type: "string",
      value: "number",
      summary: "How many to show, the oldest first, or all. Default all.",
    },
    ...serverOptions,
  },
  async run({ args: [key = ""], values, output }) {
    const client = connect(values);
    const limit = parseLimit(values.limit ?? "all");
    const found = client.tasks.messages(await findTaskId(client, key), { pageSize: Math.min(limit, 100) });
    for await (const message of take(found, limit)) {
      await output.show(messageJson(message), () => {
        const author = message.author === MessageAuthor.USER ? "user" : "agent";
        const label = output.paint(author === "user" ? ["cyan", "bold"] : ["green", "bold"], `${author}: `);
        return message.parts.map((part) => `${label}${clean(partText(part))}\n`).join("");
      });
    }
    return 0;
  },
});

export const events = defineCommand({
  name: "events",
  args: "TASK",
  summary: "List a task's events, oldest first.",
  options: {
    state: {
      type: "string",
      multiple: true,
      value: "state",
      summary: `Only events in this state: ${choicesOf(EventState).join(", ")}.`,
    },
    limit: { type: "string", value: "number", summary: "How many to show, or all. Default 100." },
    ...serverOptions,
  },
  async run({ args: [key = ""], values, output }) {
    const client = connect(values);
    const limit = parseLimit(values.limit);
    const states = parseChoices("state", EventState, values.state);
    const pageSize = Math.min(limit, 100);
    const found = client.tasks.events(await findTaskId(client, key), { states, pageSize });
    const heading = ["event", "state", "tries", "accepted", "type", "content"];
    await output.table(take(found, limit), eventJson, heading, (event) => [
      event.id,
      eventStateText(event.state),
      String(event.attempt),
      timeText(event.createTime),
      event.type || "-",
      `${partsText(event.parts)}${event.lastError ? ` (${event.lastError.message})` : ""}`,
    ]);
    return 0;
  },
});

export const unsend = defineCommand({
  name: "unsend",
  args: "TASK EVENT",
  summary: "Take back an event that waits or is scheduled.",
  options: serverOptions,
  async run({ args: [key = "", eventId = ""], values, output }) {
    const client = connect(values);
    const { event } = await client.tasks.cancelEvent(await findTaskId(client, key), eventId);
    await output.show(
      { event: eventJson(event) },
      () => `${clean(event.id)} ${eventStateText(event.state)}\n`,
    );
    return 0;
  },
});

export const redrive = defineCommand({
  name: "redrive",
  args: "TASK [EVENT]",
  summary: "Put a dead-lettered event, or all of them, back into the mailbox.",
  options: {
    all: { type: "boolean", summary: "Put all of the task's back." },
    ...serverOptions,
  },
  async run({ args: [key = "", eventId], values, output }) {
    if ((eventId !== undefined) === (values.all === true)) throw new UsageError("give an EVENT or --all");
    const client = connect(values);
    const target = eventId === undefined ? { all: true as const } : { eventId };
    const { task, redrivenEvents } = await client.tasks.redrive(await findTaskId(client, key), target);
    await output.show(
      { task: taskJson(task), redrivenEvents },
      () => `${clean(task.id)} ${stateText(output.paint, task)}, ${redrivenEvents} redriven\n`,
    );
    return 0;
  },
});
