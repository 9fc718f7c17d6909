import { TaskError } from "../../errors.ts";
import type { AcceptedEvent, SendEvent } from "../calls.ts";
import { acceptEvent, requireUnfinished } from "./accept-event.ts";
import { findAnswer, keepAnswer } from "./requests.ts";
import { startAtOnce } from "./start-turn.ts";
import { requireTask, type Tx } from "./tx.ts";

/** See Store.sendEvent. */
export function sendEvent(tx: Tx, args: SendEvent): AcceptedEvent {
  const task = requireTask(tx, args.taskId);
  const answered = findAnswer<AcceptedEvent["event"]>(tx.sql, task.id, args.request);
  if (answered !== undefined) return { event: answered, duplicate: true };
  requireUnfinished(task);
  if (args.expectedSequence !== undefined && args.expectedSequence !== task.sequence) {
    const message = `the log of task ${task.id} is at sequence ${task.sequence}, not at the expected ${args.expectedSequence}`;
    throw new TaskError("SEQUENCE_MISMATCH", message, { metadata: { sequence: String(task.sequence) } });
  }
  const event = acceptEvent(tx, task, args.now, args.event);
  keepAnswer(tx.sql, { scope: task.id, taskId: task.id }, args.request, event);
  return { event, duplicate: false, ...startAtOnce(tx, task, args.now, args.next) };
}
