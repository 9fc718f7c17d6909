import type { StartTurn, StartTurnResult, TurnSource } from "../calls.ts";
import type { Millis } from "../records.ts";
import { Handler, TaskState } from "../states.ts";
import { deferralOf, endDeferral, othersAhead } from "./deferral.ts";
import { readWholeEvents } from "./events.ts";
import { firstEvents, passBy, readWaiting, takeInHand } from "./mailbox.ts";
import { nextDue } from "./next-due.ts";
import { policyOf } from "./policies.ts";
import { readState } from "./reads.ts";
import { type EventRow, eventRecord, type TaskRow, taskRecord, type WorkRow } from "./rows.ts";
import type { Sql } from "./sql.ts";
import { loadTask, type Tx } from "./tx.ts";
import { sequencesOf, showProcessing } from "./works.ts";

/** About how many bytes of events a turn begins with, at least one event. */
const maxBatchBytes = 4_194_304;

/** See Store.startTurn. */
export function startTurn(tx: Tx, args: StartTurn): StartTurnResult {
  const task = loadTask(tx, args.taskId);
  if (task === undefined || !args.agents.includes(task.agent)) return {};
  return startNext(tx, task, args.now, args, args.forced);
}

/**
 * Starts the turn that a transaction has made due, if it is told who may run it. Where the transaction has stopped a turn of the task, the
 * next waits until that one's handler has settled.
 */
export function startAtOnce(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  source: TurnSource | undefined,
): StartTurnResult {
  if (source === undefined || !source.agents.includes(task.agent)) return {};
  if (tx.stopped.some(({ taskId }) => taskId === task.id)) return {};
  return startNext(tx, task, now, source, false);
}

/** Starts the turn of a task that is due. */
function startNext(tx: Tx, task: TaskRow, now: Millis, source: TurnSource, forced: boolean): StartTurnResult {
  // Not written: what it is after this stands at the transaction's end.
  const due = nextDue(tx.sql, task, now);
  if (due === null) return {};
  if (due > now) return { dueTime: due };
  const retry = oldestRetry(tx, task, now);
  return retry === undefined
    ? startFresh(tx, task, now, source, forced)
    : startAgain(tx, task, now, source, retry);
}

function oldestRetry(tx: Tx, task: TaskRow, now: Millis): WorkRow | undefined {
  if (task.retrying === 0) return undefined;
  return tx.sql.one<WorkRow>`select * from turns
    where task_id = ${task.id} and owner is null and due_at <= ${now} order by work limit 1`;
}

function startAgain(tx: Tx, task: TaskRow, now: Millis, source: TurnSource, work: WorkRow): StartTurnResult {
  const events = readWholeEvents(tx, task, sequencesOf(work));
  task.retrying -= 1;
  return begin(tx, task, now, source, { ...work, attempt: work.attempt + 1 }, events);
}

/** Reads what a turn may begin with. What was put off is so no longer, unless it is passed by what goes ahead. */
function readNext(sql: Sql, task: TaskRow, now: Millis): Iterable<EventRow> {
  const waiting = readWaiting(sql, task);
  if (deferralOf(sql, task, now) === "stands") return othersAhead(waiting, task);
  endDeferral(task);
  return waiting;
}

function startFresh(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  source: TurnSource,
  forced: boolean,
): StartTurnResult {
  const batch = task.state === TaskState.ACTIVE ? policyOf(tx.sql, task.agent).batch : undefined;
  const bounds = { limit: batch?.max ?? 1, maxBytes: maxBatchBytes };
  const events = task.state === TaskState.ACTIVE ? firstEvents(readNext(tx.sql, task, now), bounds) : [];
  task.in_hand += 1;
  const work: WorkRow = {
    task_id: task.id,
    work: events[0]?.sequence ?? 0,
    turn: 0,
    owner: null,
    handler: handlerFor(task.state, batch !== undefined),
    events: JSON.stringify(events.map(({ sequence }) => sequence)),
    own: events.length,
    began: 0,
    revision: 0,
    attempt: 1 + Math.max(0, ...events.map(({ attempt }) => attempt)),
    failures: 0,
    losses: 0,
    due_at: null,
    forced: forced ? 1 : 0,
  };
  const started = begin(tx, task, now, source, work, events);
  passBy(task, events);
  return started;
}

function begin(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  source: TurnSource,
  work: WorkRow,
  events: EventRow[],
): StartTurnResult {
  task.turn += 1;
  const { handler, attempt, failures } = work;
  tx.sql
    .run`insert or replace into turns (task_id, work, turn, owner, handler, events, own, began, revision, attempt,
      failures, losses, due_at, forced)
    values (${task.id}, ${work.work}, ${task.turn}, ${source.owner}, ${handler}, ${work.events}, ${work.own},
      ${task.sequence}, ${task.revision}, ${attempt}, ${failures}, ${work.losses}, null, ${work.forced})`;
  takeInHand(tx, task, now, events, attempt);
  // With one turn and one event, which is the most common, there is nothing to choose from.
  if (task.in_hand - task.retrying === 1 && events.length < 2) task.processing_id = events[0]?.id ?? null;
  else showProcessing(tx, task);
  return {
    turn: {
      turn: task.turn,
      handler,
      task: taskRecord(tx.sql, task),
      events: events.map(eventRecord),
      hops: Math.max(0, ...events.map(({ hops }) => hops)),
      attempt,
      failures,
      state: readState(tx.sql, task),
    },
  };
}

function handlerFor(state: TaskState, batch: boolean): Handler {
  if (state === TaskState.CANCELLING) return Handler.TASK_CANCEL;
  if (state === TaskState.PENDING) return Handler.TASK_CREATE;
  return batch ? Handler.TASK_EVENT_BATCH : Handler.TASK_EVENT_SEND;
}
