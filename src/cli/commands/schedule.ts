import { Missed, type NewSchedule, Overlap, type Schedule } from "../../client/index.ts";
import { defineCommand } from "../command.ts";
import { connect, serverOptions } from "../connect.ts";
import { contentOptions, readContent } from "../content-options.ts";
import { fieldsText, partsText, timeText } from "../describe.ts";
import { type Output, take } from "../output.ts";
import { clean } from "../style.ts";
import { scheduleJson, taskJson } from "../to-json.ts";
import { choiceOf, choicesOf, parseJsonObject, parseLimit, parsePairs } from "../values.ts";

const scheduleCreate = defineCommand({
  name: "schedule create",
  args: "NAME AGENT CRON [TEXT...]",
  summary: "Make a recurring schedule.",
  details: `CRON is one word, such as '0 3 * * *': minute, hour, day of month, month, day of week; with six fields, seconds
come first. TEXT, --data and --file are the event that it sends.`,
  options: {
    "time-zone": {
      type: "string",
      value: "zone",
      summary: "The zone of CRON, such as Europe/Berlin. Default UTC.",
    },
    missed: {
      type: "string",
      value: "policy",
      choices: choicesOf(Missed),
      summary: `What becomes of times when no server ran: ${choicesOf(Missed).join(", ")}.`,
    },
    overlap: {
      type: "string",
      value: "policy",
      choices: choicesOf(Overlap),
      summary: `What becomes of a time when the last is not done: ${choicesOf(Overlap).join(", ")}.`,
    },
    "task-name": {
      type: "string",
      value: "name",
      summary: "Send to the task of this name. Default: a new one each time.",
    },
    params: { type: "string", value: "json", summary: "What a task that it makes is about." },
    label: {
      type: "string",
      multiple: true,
      value: "key=value",
      summary: "A label of a task that it makes.",
    },
    paused: { type: "boolean", summary: "Begin paused." },
    "request-id": {
      type: "string",
      value: "id",
      summary: "Makes it safe to run this again: it has one effect.",
    },
    ...contentOptions,
    ...serverOptions,
  },
  async run({ args: [name = "", agent = "", cron = "", ...words], values, output }) {
    const event = await readContent(words, values);
    const schedule: NewSchedule = {
      name,
      agent,
      cron,
      labels: parsePairs("label", values.label),
      ...(values["time-zone"] !== undefined && { timeZone: values["time-zone"] }),
      ...(values.missed !== undefined && { missed: choiceOf<Missed>(Missed, values.missed) }),
      ...(values.overlap !== undefined && { overlap: choiceOf<Overlap>(Overlap, values.overlap) }),
      ...(values["task-name"] !== undefined && { taskName: values["task-name"] }),
      ...(values.params !== undefined && { params: parseJsonObject("params", values.params) }),
      ...(values.paused && { paused: true }),
      ...(values["request-id"] !== undefined && { requestId: values["request-id"] }),
      ...(event && { event }),
    };
    await show(await connect(values).schedules.create(schedule), output);
    return 0;
  },
});

const scheduleList = defineCommand({
  name: "schedule list",
  args: "",
  summary: "List schedules, by name.",
  options: {
    agent: { type: "string", value: "agent", summary: "Only schedules of this agent." },
    limit: { type: "string", value: "number", summary: "How many to show, or all. Default 100." },
    ...serverOptions,
  },
  async run({ values, output }) {
    const found = connect(values).schedules.list(values.agent === undefined ? {} : { agent: values.agent });
    const heading = ["schedule", "agent", "cron", "next", "fired", "last error"];
    await output.table(take(found, parseLimit(values.limit)), scheduleJson, heading, (schedule) => [
      schedule.name,
      schedule.agent,
      cronText(schedule),
      schedule.paused ? "paused" : timeText(schedule.nextTime),
      String(schedule.fired),
      schedule.lastError || "-",
    ]);
    return 0;
  },
});

const scheduleGet = defineCommand({
  name: "schedule get",
  args: "NAME",
  summary: "Show a schedule.",
  options: serverOptions,
  async run({ args: [name = ""], values, output }) {
    await show(await connect(values).schedules.get(name), output);
    return 0;
  },
});

const schedulePause = defineCommand({
  name: "schedule pause",
  args: "NAME",
  summary: "Pause a schedule until it is resumed.",
  options: {
    reason: { type: "string", value: "text", summary: "Why, for the record." },
    ...serverOptions,
  },
  async run({ args: [name = ""], values, output }) {
    const { reason = "" } = values;
    await show(await connect(values).schedules.pause(name, { reason }), output);
    return 0;
  },
});

const scheduleResume = defineCommand({
  name: "schedule resume",
  args: "NAME",
  summary: "Resume a schedule with the next time that is ahead.",
  options: serverOptions,
  async run({ args: [name = ""], values, output }) {
    await show(await connect(values).schedules.resume(name), output);
    return 0;
  },
});

const scheduleTrigger = defineCommand({
  name: "schedule trigger",
  args: "NAME",
  summary: "Fire a schedule now, and print the id of the task that it sent to.",
  options: {
    "request-id": {
      type: "string",
      value: "id",
      summary: "Makes it safe to run this again: it has one effect.",
    },
    ...serverOptions,
  },
  async run({ args: [name = ""], values, output }) {
    const requestId = values["request-id"];
    const { schedule, task, duplicate } = await connect(values).schedules.trigger(
      name,
      requestId === undefined ? {} : { requestId },
    );
    await output.show(
      { schedule: scheduleJson(schedule), task: taskJson(task), duplicate },
      () => `${clean(task.id)}\n`,
    );
    return 0;
  },
});

const scheduleDelete = defineCommand({
  name: "schedule delete",
  args: "NAME",
  summary: "Delete a schedule. What it has sent stays.",
  options: serverOptions,
  async run({ args: [name = ""], values, output }) {
    await connect(values).schedules.delete(name);
    await output.show({ schedule: name, deleted: true }, () => `${clean(name)} deleted\n`);
    return 0;
  },
});

export const scheduleCommands = [
  scheduleCreate,
  scheduleList,
  scheduleGet,
  schedulePause,
  scheduleResume,
  scheduleTrigger,
  scheduleDelete,
];

function show(schedule: Schedule, output: Output): Promise<void> {
  const { action, nextTime, lastTime, paused, pauseReason, lastError } = schedule;
  return output.show(scheduleJson(schedule), () =>
    fieldsText(output.paint, [
      ["schedule", clean(schedule.name)],
      ["agent", clean(schedule.agent)],
      ["cron", clean(cronText(schedule))],
      ["task", action?.taskName ? clean(action.taskName) : "a new one each time"],
      ["event", action?.event && clean(partsText(action.event.parts))],
      ["next", paused ? clean(`paused${pauseReason && `: ${pauseReason}`}`) : timeText(nextTime)],
      ["last", timeText(lastTime)],
      ["fired", `${schedule.fired}, ${schedule.skipped} skipped`],
      ["error", lastError === "" ? undefined : clean(lastError)],
    ]),
  );
}

function cronText({ spec }: Schedule): string {
  return `${spec?.cron ?? ""} ${spec?.timeZone || "UTC"}`;
}
