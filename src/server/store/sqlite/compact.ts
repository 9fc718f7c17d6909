import type { Millis } from "../records.ts";
import { MessageState } from "../states.ts";
import { policyOf } from "./policies.ts";
import type { MessageRow, TaskRow, WorkRow } from "./rows.ts";
import { clearTimer, setTimer } from "./timers.ts";
import type { Tx } from "./tx.ts";

/** The most messages that are compacted in one transaction. */
const maxMessages = 200;

/** Sees to it that a task's deltas are compacted when they have been kept for as long as its agent says, which may be less than before. */
export function armCompaction(tx: Tx, task: TaskRow, now: Millis): void {
  const { keepDeltas } = policyOf(tx.sql, task.agent);
  if (keepDeltas === Number.POSITIVE_INFINITY) return;
  const time = now + keepDeltas;
  if (task.compact_at !== null && task.compact_at <= time) return;
  clearTimer(tx, task.compact_at, task.id, "compact");
  compactAt(tx, task, time);
}

/** Whether a turn has shown messages whose deltas are in the log. */
export function hasDeltas(tx: Tx, { task, work }: { task: TaskRow; work: WorkRow }): boolean {
  const found = tx.sql.one`select 1 from messages
    where task_id = ${task.id} and sequence > ${work.began} and turn = ${work.turn} and deltas = 1 limit 1`;
  return found !== undefined;
}

/**
 * Compacts the deltas of a task's messages that are done or void, but not of those whose turn still runs: they leave the log. The entry that
 * ended a message has its content from then on, in the transaction that takes the deltas away, so that whoever reads on from between them
 * gets the whole message instead.
 */
export function compact(tx: Tx, task: TaskRow, now: Millis): void {
  task.compact_at = null;
  const { keepDeltas } = policyOf(tx.sql, task.agent);
  const messages = tx.sql.all<MessageRow>`select * from messages indexed by messages_deltas
    where task_id = ${task.id} and deltas = 1
    and done_sequence is not null and turn not in (select turn from turns where task_id = ${task.id} and owner is not null)
    order by sequence limit ${maxMessages}`;
  const old = messages.filter(({ updated_at }) => updated_at + keepDeltas <= now);
  for (const message of old) compactMessage(tx, message);
  const [next] = messages.filter((message) => !old.includes(message));
  if (next !== undefined) compactAt(tx, task, next.updated_at + keepDeltas);
  else if (messages.length === maxMessages) compactAt(tx, task, now);
}

function compactAt(tx: Tx, task: TaskRow, time: Millis): void {
  task.compact_at = time;
  setTimer(tx, time, task.id, "compact");
}

function compactMessage(tx: Tx, { task_id, sequence, id, state, done_sequence, content }: MessageRow): void {
  tx.sql
    .run`delete from log where task_id = ${task_id} and sequence > ${sequence} and sequence < ${done_sequence}
    and kind = 'delta' and meta ->> 'messageId' = ${id}`;
  if (state === MessageState.DONE) {
    tx.sql
      .run`update log set content = ${content} where task_id = ${task_id} and sequence = ${done_sequence}`;
  }
  const left = state === MessageState.DONE ? null : content;
  tx.sql
    .run`update messages set content = ${left}, deltas = 0 where task_id = ${task_id} and sequence = ${sequence}`;
}
