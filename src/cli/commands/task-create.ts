import type { NewTask } from "../../client/index.ts";
import { defineCommand } from "../command.ts";
import { connect, connectPatiently, findTaskId, serverOptions } from "../connect.ts";
import { contentOptions, readContent } from "../content-options.ts";
import { followAndDraw } from "../follow-and-draw.ts";
import { clean } from "../style.ts";
import { eventJson, taskJson } from "../to-json.ts";
import { UsageError } from "../usage-error.ts";
import { parseDuration, parseJsonObject, parsePairs, parseTime } from "../values.ts";

export const taskCreate = defineCommand({
  name: "task create",
  args: "AGENT [TEXT...]",
  summary: "Make a task, or find the unfinished one of that name, and print its id.",
  details: "TEXT, --data and --file are its first event; - as TEXT is what stdin has.",
  options: {
    name: { type: "string", value: "name", summary: "A name, unique among unfinished tasks." },
    param: {
      type: "string",
      multiple: true,
      value: "key=value",
      summary: "What the task is about, a text by its name.",
    },
    params: { type: "string", value: "json", summary: "What the task is about, a JSON object." },
    label: { type: "string", multiple: true, value: "key=value", summary: "A label to find the task by." },
    parent: { type: "string", value: "task", summary: "The task on whose behalf this one is made." },
    ttl: { type: "string", value: "time", summary: "How long the task may take, such as 2h." },
    "deliver-in": {
      type: "string",
      value: "time",
      summary: "When to deliver the event, from now, such as 10m.",
    },
    "deliver-at": {
      type: "string",
      value: "time",
      summary: "When to deliver the event, such as 2030-01-31T09:00Z.",
    },
    "request-id": {
      type: "string",
      value: "id",
      summary: "Makes it safe to run this again: it has one effect.",
    },
    ...contentOptions,
    follow: { type: "boolean", summary: "Go on as task watch does." },
    ...serverOptions,
  },
  async run({ args: [agent = "", ...words], values, output }) {
    const client = connect(values);
    const event = await readContent(words, values);
    const deliverTime = deliverTimeOf(values);
    if (deliverTime && !event)
      throw new UsageError("--deliver-in and --deliver-at are of an event; there is none");
    const task: NewTask = {
      agent,
      params: {
        ...(values.params !== undefined && parseJsonObject("params", values.params)),
        ...parsePairs("param", values.param),
      },
      labels: parsePairs("label", values.label),
      ...(values.name !== undefined && { name: values.name }),
      ...(values.parent !== undefined && { parentTaskId: await findTaskId(client, values.parent) }),
      ...(values.ttl !== undefined && { ttl: parseDuration("ttl", values.ttl) }),
      ...(values["request-id"] !== undefined && { requestId: values["request-id"] }),
      ...(event && { event: { ...event, ...(deliverTime && { deliverTime: deliverTime.toISOString() }) } }),
    };
    const made = await client.tasks.create(task);
    if (!made.created && !output.json) output.note("There is a task of that name.");
    await output.show(
      {
        task: taskJson(made.task),
        created: made.created,
        duplicate: made.duplicate,
        ...(made.event && { event: eventJson(made.event) }),
      },
      () => `${clean(made.task.id)}\n`,
    );
    return values.follow ? followAndDraw(connectPatiently(values), made.task, output) : 0;
  },
});

/** Tells when an event is delivered, if that is later. */
export function deliverTimeOf(values: {
  readonly "deliver-in"?: string;
  readonly "deliver-at"?: string;
}): Date | undefined {
  const { "deliver-in": span, "deliver-at": time } = values;
  if (span !== undefined && time !== undefined)
    throw new UsageError("give --deliver-in or --deliver-at, not both");
  if (time !== undefined) return parseTime("deliver-at", time);
  return span === undefined ? undefined : new Date(Date.now() + parseDuration("deliver-in", span));
}
