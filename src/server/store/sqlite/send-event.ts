import { TaskError } from "../../errors.ts";
import type { AcceptedEvent, Millis, SendEvent } from "../records.ts";
import { acceptEvent, acceptedEvent, requireUnfinished } from "./accept-event.ts";
import type { Tx } from "./log.ts";
import { findAnswer, keepAnswer } from "./requests.ts";
import { requireTask, saveTask } from "./rows.ts";

interface Answer {
  id: string;
  sequence: number;
  time: Millis;
}

/** See Store.sendEvent. */
export function sendEvent(tx: Tx, args: SendEvent): AcceptedEvent {
  const task = requireTask(tx.sql, args.taskId);
  const answered = findAnswer<Answer>(tx.sql, task.id, args.request);
  if (answered !== undefined) {
    const { id, sequence, time } = answered;
    return { event: acceptedEvent(task.id, sequence, time, id), duplicate: true };
  }
  requireUnfinished(task);
  if (args.expectedSequence !== undefined && args.expectedSequence !== task.sequence) {
    const message = `the log of task ${task.id} is at sequence ${task.sequence}, not at the expected ${args.expectedSequence}`;
    throw new TaskError("SEQUENCE_MISMATCH", message, { metadata: { sequence: String(task.sequence) } });
  }
  const event = acceptEvent(tx, task, args.now, args.event);
  saveTask(tx.sql, task);
  keepAnswer<Answer>(tx.sql, task.id, args.request, {
    id: event.id,
    sequence: event.sequence,
    time: event.createTime,
  });
  return { event, duplicate: false };
}
