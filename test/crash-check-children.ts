import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { EventState, type Task, TaskState } from "../src/proto.ts";
import { mentionOf } from "./agents/scribe-answer.ts";
import type { Report } from "./crash-check.ts";
import { type StoreHistory, type TaskHistory, wasStopped } from "./crash-history.ts";

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
  for (const event of end.events.filter(({ type }) => type === "delegate")) {
    const found = children.filter(({ labels }) => labels.delegate === event.id).length;
    const text = event.parts[0]?.content;
    const taken = text?.case === "text" && mentions.has(mentionOf(text.value));
    const wanted = event.state === EventState.PROCESSED && !taken ? 1 : 0;
    if (found !== wanted) report("G3", `event ${event.sequence} made ${found} children, and not ${wanted}`);
  }
  const closed = end.task.cancellation?.requestTime ?? end.task.endTime;
  const before = children.filter(({ endTime }) => isBefore(endTime, closed)).length;
  const told = end.events.filter(({ type }) => type === "pigeonhole.task.ended").length;
  if (told < before) report("G1", `it is told of the end of ${told} children, and ${before} had ended`);
  if (told > children.length) report("G3", `it is told of the end of ${told} of ${children.length} children`);
}

function isOpen({ endTime }: Task): boolean {
  return endTime === undefined;
}

function isBefore(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a !== undefined && b !== undefined && timestampMs(a) < timestampMs(b);
}
