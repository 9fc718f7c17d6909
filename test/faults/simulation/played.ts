import { EventState, MessageState, TaskState, type TaskUpdate } from "../../../src/proto.ts";
import type { Call, CallResult } from "../../../src/server/store/sqlite/protocol.ts";
import { isReport } from "../../crash-check-children.ts";
import { isExpiry } from "../../crash-check-questions.ts";
import { isReminder } from "../../crash-check-reminders.ts";
import { reasonOfStatus } from "../../crash-clients.ts";
import type { StoreHistory } from "../../crash-history.ts";

/** How often what a simulation is to play has come to be: a run in which nothing of a kind happened has not tried it. */
export interface Played {
  counts: Record<string, number>;
  /** Counts what a call is that took effect, or that was refused, and beside how many turns of its task another was started. */
  note(call: Call, result: CallResult, beside: number): void;
  /** Counts a firing that takes the place of the one before. */
  replaces(): void;
  /** Counts what shows in the end. */
  noteEnd(history: StoreHistory, posts?: { posts: number; postedAgain: number }): void;
}

/** What it looks for in the answer of a call. */
interface Answer {
  turn?: { events: unknown[] };
  fired?: boolean;
  taskIds?: unknown[];
  interrupted?: number;
}

export function createPlayed(): Played {
  const counts = {
    ...{ sideBySide: 0, conflicts: 0, batches: 0, deferrals: 0, busy: 0, interrupts: 0 },
    ...{ questions: 0, answers: 0, lateAnswers: 0, expiredQuestions: 0 },
    ...{
      pauses: 0,
      failedTasks: 0,
      timedOutTasks: 0,
      unsends: 0,
      lateUnsends: 0,
      reminders: 0,
      unscheduled: 0,
    },
    ...{ fullMailboxes: 0, fullForTurns: 0, activeAtOnce: 0, overdueTurns: 0 },
    ...{ reports: 0, recalls: 0, refusedReports: 0 },
    ...{ ticks: 0, missedTicks: 0, skippedTicks: 0, replacedTicks: 0, triggers: 0, restedSchedules: 0 },
    ...{ posts: 0, postedAgain: 0, deadWebhooks: 0 },
    ...{ compacted: 0, compactedWhileRead: 0, deletions: 0, orphans: 0 },
  };
  const replaces = () => {
    counts.replacedTicks += 1;
  };
  return { counts, note, replaces, noteEnd };

  function note({ name, args }: Call, result: CallResult, beside: number): void {
    if ("reason" in result) {
      if (result.reason === "STATE_CONFLICT") counts.conflicts += 1;
      if (result.reason === "TASK_BUSY") counts.busy += 1;
      if (result.reason === "TASK_FINISHED" && name === "commitTurn") counts.refusedReports += 1;
      if (result.reason === "QUESTION_CLOSED") counts.lateAnswers += 1;
      if (result.reason === "EVENT_STATE") counts.lateUnsends += 1;
      if (result.reason === "MAILBOX_FULL") {
        counts[name === "commitTurn" ? "fullForTurns" : "fullMailboxes"] += 1;
      }
      return;
    }
    const { turn, fired, taskIds = [], interrupted }: Answer = Object(result.value);
    const { outcome, firings, skipped, retryTime, exhausted, error } = Object(args);
    if (turn !== undefined && beside > 1) counts.sideBySide += 1;
    if (turn !== undefined && turn.events.length > 1) counts.batches += 1;
    if (outcome?.kind === "defer") counts.deferrals += 1;
    if (outcome?.kind === "ask") counts.questions += 1;
    if (name === "interruptTask" && (interrupted ?? 0) > 0) counts.interrupts += 1;
    if (name === "triggerSchedule") counts.triggers += 1;
    if (name === "pauseSchedule") counts.restedSchedules += 1;
    if (name === "deleteTask") counts.deletions += 1;
    if (name === "cancelEvent") counts.unsends += 1;
    if (name === "failTurn" && retryTime === undefined && exhausted === "pause") counts.pauses += 1;
    if (name === "failTurn" && error.reason === "TIMED_OUT") counts.overdueTurns += 1;
    if (name === "resumeWebhook") counts.deadWebhooks += 1;
    if (name !== "fireSchedule" || !fired) return;
    counts.ticks += taskIds.length;
    counts.missedTicks += skipped;
    counts.skippedTicks += firings.length - taskIds.length;
  }

  function noteEnd(
    { tasks, listed }: StoreHistory,
    { posts, postedAgain } = { posts: 0, postedAgain: 0 },
  ): void {
    counts.posts += posts;
    counts.postedAgain += postedAgain;
    const states = tasks.map(({ end }) => end.task.state);
    counts.activeAtOnce += tasks.filter(({ end: { log } }) => {
      const [first] = log;
      return first?.entry.case === "task" && first.entry.value.state === TaskState.ACTIVE;
    }).length;
    const ids = new Set(["", ...listed.map(({ id }) => id)]);
    counts.orphans += listed.filter(({ parentTaskId }) => !ids.has(parentTaskId)).length;
    counts.compacted += tasks.reduce((sum, { end }) => sum + compactedIn(end.log).length, 0);
    counts.compactedWhileRead += tasks
      .flatMap(({ logs }) => logs)
      .filter((log) => compactedIn(log).some((id) => log.some(isDeltaOf(id)))).length;
    counts.failedTasks += states.filter((state) => state === TaskState.FAILED).length;
    counts.timedOutTasks += states.filter((state) => state === TaskState.TIMED_OUT).length;
    const events = tasks.flatMap(({ end }) => end.events);
    const reminders = events.filter(isReminder);
    counts.reminders += reminders.length;
    counts.unscheduled += reminders.filter(
      ({ lastError }) => reasonOfStatus(lastError) === "EVENT_CANCELLED",
    ).length;
    counts.reports += events.filter(isReport).length;
    counts.recalls += events.filter(
      ({ type, state }) => type === "recall" && state === EventState.PROCESSED,
    ).length;
    counts.answers += events.filter(({ answers }) => answers !== "").length;
    counts.expiredQuestions += events.filter(isExpiry).length;
  }
}

/** The messages whose deltas were compacted by the time a log was read: the entry that ended each has its parts. */
function compactedIn(log: TaskUpdate[]): string[] {
  const messages = log.flatMap(({ entry }) => (entry.case === "message" ? [entry.value] : []));
  const begun = new Set(messages.filter(({ state }) => state === MessageState.STREAMING).map(({ id }) => id));
  return messages
    .filter(({ id, state, parts }) => state === MessageState.DONE && begun.has(id) && parts.length > 0)
    .map(({ id }) => id);
}

function isDeltaOf(id: string): (update: TaskUpdate) => boolean {
  return ({ entry }) => entry.case === "delta" && entry.value.messageId === id;
}
