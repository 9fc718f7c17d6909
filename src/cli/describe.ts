import { toJsonString } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate, type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { EventState, type Part, type Task, TaskState } from "../client/index.ts";
import { clean, type Paint, type Style } from "./style.ts";

/** Tells a time as ISO 8601, to the second, or `-`. */
export function timeText(time: Timestamp | undefined): string {
  return time === undefined
    ? "-"
    : timestampDate(time)
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
}

/** Tells what parts say, in one line of at most some characters. */
export function partsText(parts: readonly Part[], width = 60): string {
  const text = parts.map(partText).join(" ").replaceAll(/\s+/g, " ").trim();
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`;
}

/** Tells what a part says. */
export function partText({ content }: Part): string {
  switch (content.case) {
    case "text":
      return content.value;
    case "reasoning":
      return `(thinking) ${content.value}`;
    case "data":
      return valueText(content.value);
    case "file": {
      const { name, mediaType, source } = content.value;
      const place = source.case === "uri" ? source.value : `${source.value?.length ?? 0} bytes`;
      return `[file ${[name, mediaType, place].filter((word) => word !== "").join(", ")}]`;
    }
    case "toolRequest":
      return `${content.value.name}(${JSON.stringify(content.value.arguments ?? {})})`;
    case "toolResponse": {
      const { name, result, isError } = content.value;
      return `${name}${isError ? " failed" : ""} -> ${result === undefined ? "null" : valueText(result)}`;
    }
    case undefined:
      return "";
  }
}

function valueText(value: Value): string {
  return toJsonString(ValueSchema, value);
}

const stateStyles: Record<TaskState, Style> = {
  [TaskState.UNSPECIFIED]: "dim",
  [TaskState.PENDING]: "dim",
  [TaskState.ACTIVE]: "green",
  [TaskState.INPUT_REQUIRED]: "magenta",
  [TaskState.CANCELLING]: "yellow",
  [TaskState.CANCELLED]: "yellow",
  [TaskState.COMPLETED]: ["green", "bold"],
  [TaskState.FAILED]: ["red", "bold"],
  [TaskState.TIMED_OUT]: ["red", "bold"],
  [TaskState.PAUSED]: "yellow",
};

/** Tells where a task stands, and why. */
export function stateText(paint: Paint, { state, statusReason, error }: Task): string {
  const reason = [statusReason, error?.message ?? ""].find((text) => text !== "");
  return `${paint(stateStyles[state], TaskState[state])}${reason === undefined ? "" : `: ${clean(reason)}`}`;
}

/** Tells a task in lines. */
export function taskText(paint: Paint, task: Task): string {
  const { name, labels, params, question, parentTaskId } = task;
  const dead = task.deadLetteredEvents === 0 ? "" : `, ${task.deadLetteredEvents} dead-lettered`;
  const scheduled = task.scheduledEvents === 0 ? "" : `, ${task.scheduledEvents} scheduled`;
  const lines: [string, string | undefined][] = [
    ["task", `${clean(task.id)}${name === "" ? "" : ` (${clean(name)})`}`],
    ["agent", clean(task.agent)],
    ["state", stateText(paint, task)],
    ["question", question && clean(`${question.prompt} (${question.id})`)],
    ["schema", question?.schema && clean(JSON.stringify(question.schema))],
    [
      "events",
      `${task.pendingEvents} waiting${task.processingEventId === "" ? "" : ", 1 in hand"}${scheduled}${dead}`,
    ],
    ["params", params && clean(JSON.stringify(params))],
    ["labels", Object.keys(labels).length === 0 ? undefined : clean(labelsText(labels))],
    ["parent", parentTaskId === "" ? undefined : clean(parentTaskId)],
    ["created", timeText(task.createTime)],
    ["changed", timeText(task.updateTime)],
    ["ended", task.endTime && timeText(task.endTime)],
    ["expires", task.expireTime && timeText(task.expireTime)],
  ];
  return fieldsText(paint, lines);
}

/** Tells fields, one a line. Leaves out those that are undefined. The values are harmless already. */
export function fieldsText(paint: Paint, lines: readonly (readonly [string, string | undefined])[]): string {
  const told = lines.filter(([, value]) => value !== undefined);
  const width = Math.max(9, ...told.map(([name]) => name.length + 2));
  return told.map(([name, value]) => `${paint("dim", name.padEnd(width))}${value}\n`).join("");
}

/** Tells labels as `a=1 b=2`. */
export function labelsText(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/** Tells an event's state as a person reads it. */
export function eventStateText(state: EventState): string {
  return EventState[state] ?? String(state);
}
