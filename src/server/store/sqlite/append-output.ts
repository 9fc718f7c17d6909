import type { AppendOutput, OutputEntry } from "../calls.ts";
import { MessageState } from "../states.ts";
import { logDelta, logMessage } from "./log.ts";
import type { MessageRow, WorkRow } from "./rows.ts";
import type { Tx } from "./tx.ts";
import { type RunningTurn, requireTurn } from "./works.ts";

/** See Store.appendOutput. */
export function appendOutput(tx: Tx, args: AppendOutput): void {
  writeOutput(tx, requireTurn(tx, args.taskId, args.turn), args);
}

/** Writes what a turn shows. */
export function writeOutput(
  tx: Tx,
  turn: RunningTurn,
  { output, now }: Pick<AppendOutput, "output" | "now">,
): void {
  for (const entry of output) {
    switch (entry.kind) {
      case "message":
        beginMessage(tx, turn, now, entry);
        break;
      case "delta":
        logDelta(tx, turn.task, now, entry.delta);
        break;
      case "end":
        endMessage(tx, turn, now, entry);
        break;
    }
  }
}

function beginMessage(
  tx: Tx,
  { task, work }: RunningTurn,
  now: number,
  { id, author, content, done }: OutputEntry & { kind: "message" },
): void {
  const state = done ? MessageState.DONE : MessageState.STREAMING;
  const { attempt, turn } = work;
  const eventId = firstEventId(tx, work);
  const meta = { id, author, state, attempt, createTime: now, ...(eventId !== null && { eventId }) };
  const sequence = logMessage(tx, task, now, meta, content);
  tx.sql
    .run`insert into messages (task_id, sequence, id, event_id, attempt, author, state, created_at, updated_at, turn,
      deltas)
    values (${task.id}, ${sequence}, ${id}, ${eventId}, ${attempt}, ${author}, ${state}, ${now}, ${now}, ${turn},
      ${done ? 0 : 1})`;
}

/** The id of the first event of a work, if it is for one. */
function firstEventId(tx: Tx, { task_id, work }: WorkRow): string | null {
  if (work === 0) return null;
  return (
    tx.sql.one<{ id: string }>`select id from events where task_id = ${task_id} and sequence = ${work}`?.id ??
    null
  );
}

function endMessage(
  tx: Tx,
  { task, work }: RunningTurn,
  now: number,
  { id, content }: OutputEntry & { kind: "end" },
): void {
  const row = tx.sql.one<MessageRow>`select * from messages
    where task_id = ${task.id} and sequence > ${work.began} and id = ${id}`;
  if (row === undefined) throw new Error(`message ${id} was never begun`);
  const doneSequence = logMessage(tx, task, now, {
    id,
    sequence: row.sequence,
    author: row.author,
    state: MessageState.DONE,
    attempt: row.attempt,
    createTime: row.created_at,
    ...(row.event_id !== null && { eventId: row.event_id }),
  });
  tx.sql.run`update messages set state = ${MessageState.DONE}, content = ${content}, updated_at = ${now},
      done_sequence = ${doneSequence}
    where task_id = ${task.id} and sequence = ${row.sequence}`;
}
