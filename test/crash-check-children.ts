import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Event, EventState, type Task, TaskState } from "../src/proto.ts";
import { mentionOf, reportOf } from "./agents/scribe-answer.ts";
import type { Report } from "./crash-check.ts";
import { type StoreHistory, type TaskHistory, textOf, wasStopped } from "./crash-history.ts";

/** What the events say that make children: see the scribe. */
const makers = new Set(["delegate", "commission", "recall"]);

/** Checks that a task has a child for each turn that asked for one and had effect, and is told of its end (G3, G5). */
export function checkChildren({ end }: TaskHistory, { listed }: StoreHistory, report: Report): void {
  const children = listed.filter(({ parentTaskId }) => parentTaskId === end.task.id);
  for (const child of children) {
    const { delegate } = child.labels;
    if (!end.events.some(({ id }) => id === delegate)) report("G3", `child ${child.id} is of no event`);
    const goesOn = isOpen(child) && child.state !== TaskState.CANCELLING;
    if (wasStopped(end.task) && goesOn) {
      report("G5", `child ${child.id} of a task that was stopped is ${TaskState[child.state]}`);
    }
  }
  const mentions = new Set(end.messages.map(({ parts: [part] }) => part?.content.value));
  const commissions = end.events
    .filter(({ type }) => type === "commission")
    .map((event) => reportOf(textOf(event)));
  for (const event of end.events.filter(isReport)) {
    if (!commissions.includes(textOf(event))) report("G1", `event ${event.sequence} is a report of no child`);
  }
  const closed = end.task.cancellation?.requestTime ?? end.task.endTime;
  for (const event of end.events.filter(({ type }) => makers.has(type))) {
    const made = children.filter(({ labels }) => labels.delegate === event.id);
    const text = textOf(event);
    const alone = event.state === EventState.PROCESSED && !mentions.has(mentionOf(text));
    const wanted = alone ? 1 : 0;
    if (made.length !== wanted)
      report("G3", `event ${event.sequence} made ${made.length} children, and not ${wanted}`);
    for (const child of made) {
      if (event.type === "recall" && !wasStopped(child) && child.state !== TaskState.CANCELLING)
        report("G5", `child ${child.id} was recalled, and is ${TaskState[child.state]}`);
      if (event.type !== "commission") continue;
      const reports = end.events.filter(
        (other) => isReport(other) && textOf(other) === reportOf(text),
      ).length;
      const due = child.state === TaskState.COMPLETED && isBefore(child.endTime, closed);
      if (reports < (due ? 1 : 0) || reports > (child.state === TaskState.COMPLETED ? 1 : 0))
        report("G3", `child ${child.id}, ${TaskState[child.state]}, has reported ${reports} times`);
    }
  }
  const before = children.filter(({ endTime }) => isBefore(endTime, closed)).length;
  const told = end.events.filter(({ type }) => type === "pigeonhole.task.ended").length;
  if (told < before) report("G1", `it is told of the end of ${told} children, and ${before} had ended`);
  if (told > children.length) report("G3", `it is told of the end of ${told} of ${children.length} children`);
}

/** Whether an event is what a child has to tell. */
export function isReport({ type }: Event): boolean {
  return type === "reported";
}

function isOpen({ endTime }: Task): boolean {
  return endTime === undefined;
}

function isBefore(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a !== undefined && b !== undefined && timestampMs(a) < timestampMs(b);
}
