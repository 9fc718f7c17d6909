import { MessageState } from "../../../proto.ts";
import { TaskError } from "../../errors.ts";
import type { AppendOutput, OutputEntry } from "../records.ts";
import { logDelta, logMessage, type Tx } from "./log.ts";
import { type MessageRow, saveTask, type TaskRow } from "./rows.ts";

/** See Store.appendOutput. */
export function appendOutput(tx: Tx, args: AppendOutput): void {
  const task = requireTurn(tx, args.taskId, args.turn);
  writeOutput(tx, task, args);
  saveTask(tx.sql, task);
}

/** Loads the task of a turn that must be running. Throws TURN_OVER. */
export function requireTurn(tx: Tx, taskId: string, turn: number): TaskRow {
  const task = tx.sql.one<TaskRow>`select * from tasks
    where id = ${taskId} and turn = ${turn} and turn_owner is not null`;
  if (task === undefined) {
    throw new TaskError("TURN_OVER", `turn ${turn} of task ${taskId} is over`);
  }
  return task;
}

/** Writes what a turn shows. The caller saves the task. */
export function writeOutput(
  tx: Tx,
  task: TaskRow,
  { output, now }: Pick<AppendOutput, "output" | "now">,
): void {
  for (const entry of output) {
    switch (entry.kind) {
      case "message":
        beginMessage(tx, task, now, entry);
        break;
      case "delta":
        logDelta(tx, task, now, entry.delta);
        break;
      case "end":
        endMessage(tx, task, now, entry);
        break;
    }
  }
}

function beginMessage(tx: Tx, task: TaskRow, now: number, entry: OutputEntry & { kind: "message" }): void {
  const { id, author, content } = entry;
  const state = entry.done ? MessageState.DONE : MessageState.STREAMING;
  const event = task.processing_id === null ? {} : { eventId: task.processing_id };
  const meta = { id, author, state, attempt: task.attempt, createTime: now, ...event };
  const sequence = logMessage(tx, task, now, meta, content);
  tx.sql
    .run`insert into messages (task_id, sequence, id, event_id, attempt, author, state, created_at, updated_at)
    values (${task.id}, ${sequence}, ${id}, ${task.processing_id}, ${task.attempt}, ${author}, ${state}, ${now}, ${now})`;
}

function endMessage(
  tx: Tx,
  task: TaskRow,
  now: number,
  { id, content }: OutputEntry & { kind: "end" },
): void {
  const row = tx.sql.one<MessageRow>`select * from messages
    where task_id = ${task.id} and sequence > ${task.turn_began} and id = ${id}`;
  if (row === undefined) throw new Error(`message ${id} was never begun`);
  tx.sql.run`update messages set state = ${MessageState.DONE}, content = ${content}, updated_at = ${now}
    where task_id = ${task.id} and sequence = ${row.sequence}`;
  logMessage(tx, task, now, {
    id,
    sequence: row.sequence,
    author: row.author,
    state: MessageState.DONE,
    attempt: row.attempt,
    createTime: row.created_at,
    ...(row.event_id !== null && { eventId: row.event_id }),
  });
}
