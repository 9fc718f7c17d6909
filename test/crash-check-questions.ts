import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Event, EventState, type Question, TaskState } from "../src/proto.ts";
import type { Report } from "./crash-check.ts";
import type { TaskHistory } from "./crash-history.ts";

/** Checks that each question was closed once, by one answer or by its deadline, and that nothing was begun before that (G2). */
export function checkQuestions({ end }: TaskHistory, report: Report): void {
  const asked = new Map<string, Question>();
  let open: string | undefined;
  const processing = new Set<string>();
  for (const { entry } of end.log) {
    if (entry.case === "task") {
      const { state, question } = entry.value;
      open = state === TaskState.INPUT_REQUIRED ? question?.id : undefined;
      if (question !== undefined) asked.set(question.id, question);
    } else if (entry.case === "event") {
      const { id, sequence, state } = entry.value;
      const begins = state === EventState.PROCESSING && processing.size === 0;
      if (open !== undefined && begins) report("G2", `event ${sequence} is handled before an answer`);
      if (state === EventState.PROCESSING) processing.add(id);
      else processing.delete(id);
    }
  }
  for (const event of end.events) {
    const closes = closedBy(event);
    if (closes !== undefined && !asked.has(closes)) report("G2", `event ${event.sequence} answers nothing`);
  }
  for (const { id, expireTime } of asked.values()) {
    const closing = end.events.filter((event) => closedBy(event) === id);
    if (closing.length > 1) report("G2", `question ${id} was closed by ${closing.length} events`);
    // Whoever ends a task closes its question with it.
    const wasLast = id === [...asked.keys()].at(-1);
    if (closing.length === 0 && !wasLast) report("G2", `question ${id} was never closed`);
    for (const event of closing.filter(isExpiry)) {
      if (isBefore(event.createTime, expireTime)) report("G2", `question ${id} was closed before its time`);
    }
  }
}

export function isExpiry({ type }: Event): boolean {
  return type === "pigeonhole.question.expired";
}

/** The question that an event closes. */
function closedBy(event: Event): string | undefined {
  if (!isExpiry(event)) return event.answers || undefined;
  const data = event.parts[0]?.content;
  const said = data?.case === "data" ? data.value.kind : undefined;
  const id = said?.case === "structValue" ? said.value.fields.questionId?.kind : undefined;
  return id?.case === "stringValue" ? id.value : undefined;
}

function isBefore(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a !== undefined && b !== undefined && timestampMs(a) < timestampMs(b);
}
