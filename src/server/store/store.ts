import type {
  AcceptedEvent,
  AppendOutput,
  CancelEvent,
  CancelledTask,
  CancelTask,
  Commit,
  CommitTurn,
  CreatedTask,
  CreateTask,
  FailTurn,
  FiredTimers,
  FireTimers,
  InterruptedTask,
  InterruptTask,
  RecoverTurns,
  RedriveEvents,
  RedrivenEvents,
  SendEvent,
  StartTurn,
  StartTurnResult,
  TakeEvents,
} from "./calls.ts";
import type {
  CountAgent,
  CountUnfinished,
  DueTasks,
  DueTasksResult,
  GetStateAt,
  ListEvents,
  ListMessages,
  ListStates,
  ListTasks,
  PeekEvents,
  ReadLog,
  TaskKey,
  TaskPage,
} from "./queries.ts";
import type {
  AgentCounts,
  AgentRecord,
  EventCounts,
  EventRecord,
  LogPage,
  MessageRecord,
  Millis,
  Page,
  StateRecord,
  StateRevision,
  TaskRecord,
} from "./records.ts";
import type { ScheduleStore } from "./schedule-store.ts";
import type { TokenStore } from "./token-store.ts";
import type { WebhookStore } from "./webhook-store.ts";

/**
 * The seam to the database: what Pigeonhole asks of one, and what it may rely on.
 *
 * What holds for every method:
 *
 * - **One method, one transaction.** It happens whole or not at all, and as if alone.
 * - **Durable (G1).** The promise of a method that writes resolves only after the write is on stable storage;
 *   if it rejects with STORE_UNAVAILABLE, or with OVERLOADED because too many calls wait, nothing was written.
 * - **Committed reads (G4).** A read sees all that was acknowledged before it began and nothing that is not committed,
 *   all of one moment.
 * - **One log (G4).** Every change of a task appends to its log, in the same transaction; sequences are consecutive from 1.
 * - **Fenced (G3, G5).** What a turn writes carries its number, and fails with TURN_OVER, having done nothing, once the turn
 *   is no longer the task's running one.
 * - **Nothing of its own.** Times (milliseconds since 1970) and ids are arguments. Contents are bytes that the store does not read.
 *
 * Methods reject with a `TaskError`.
 */
export interface Store extends ScheduleStore, WebhookStore, TokenStore {
  /** Makes agents known, with the rules of their mailboxes, which what waits already goes by, too. Adds or replaces; forgets none. */
  putAgents(agents: readonly AgentRecord[]): Promise<void>;

  /**
   * Makes a task, or finds its owner's unfinished one of that name, and accepts `event` into its mailbox. Its owner, for good, is its
   * parent's, or else its creator.
   *
   * A `request` of the creator that was answered before is answered the same (G8). With an `expireTime`, the task is timed out then. Rejects with
   * REQUEST_ID_REUSED, AGENT_NOT_FOUND (it is not `served`), FIELD_INVALID (the `expireTime` is before `now`), TASK_NAME_TAKEN,
   * TASK_NOT_FOUND (the parent), TASK_FINISHED (the parent was cancelled), FAN_OUT_EXCEEDED (the parent has 10,000 unfinished children, or
   * 16 parents are above the task), or for the event of a task that is found by name, as sendEvent does. With `next`, starts the first turn
   * of a task that it makes, as startTurn does; the answer tells of the task as it was before. The task is PENDING, or ACTIVE if its agent
   * is known as `startsActive`.
   */
  createTask(args: CreateTask): Promise<CreatedTask>;

  /**
   * Accepts an event: it is QUEUED, and its sequence is its place in the task's order (G2). One with a `deliverTime` after `now` is
   * SCHEDULED, and QUEUED at the end of the mailbox under a new sequence when its timer fires.
   *
   * A task is busy while work is in hand, running or to be tried again, or events wait. `queue` waits behind what waits. `steer` goes ahead
   * of it, in the order of those that do. `interrupt` goes ahead too, and interrupts as interruptTask does, when it is accepted
   * or, if scheduled, delivered. `reject` is refused by a task that is busy. An event that `answers` the open question closes it, makes
   * the task ACTIVE, and goes ahead of all else, at once whatever its `deliverTime`, whatever room there is.
   *
   * Rejects with TASK_NOT_FOUND, REQUEST_ID_REUSED, TASK_FINISHED, SEQUENCE_MISMATCH, QUESTION_CLOSED, TASK_BUSY or MAILBOX_FULL (G6),
   * in this order. With `next`, starts the turn that is then due for the task, as startTurn does, unless the event has interrupted one; the
   * answer tells of the event as it was before.
   */
  sendEvent(args: SendEvent): Promise<AcceptedEvent>;

  /**
   * Takes an event back that is SCHEDULED or QUEUED and not in hand: it is DROPPED. One that is DROPPED already is left as it is.
   * Resolves with the event and its content.
   * Rejects with TASK_NOT_FOUND, EVENT_NOT_FOUND, or EVENT_STATE if it is in hand or settled.
   */
  cancelEvent(args: CancelEvent): Promise<EventRecord>;

  /**
   * Puts dead-lettered events back: QUEUED at the end of the mailbox under a new sequence, with their content in the log again, not tried
   * yet, oldest first, as many as there is room for, or one of a task that is PAUSED. That is ACTIVE again, even if there was none.
   * Rejects with TASK_NOT_FOUND, TASK_FINISHED, EVENT_NOT_FOUND, EVENT_STATE if the one that is named is not DEAD_LETTERED, or
   * MAILBOX_FULL if there is room for none.
   */
  redriveEvents(args: RedriveEvents): Promise<RedrivenEvents>;

  /**
   * Interrupts a task: the works in hand that are for events are over, their running turns superseded as TASK_INTERRUPTED, their events
   * DROPPED with that error. What waits stays. Does nothing if there are none.
   * Rejects with TASK_NOT_FOUND, REQUEST_ID_REUSED or TASK_FINISHED.
   */
  interruptTask(args: InterruptTask): Promise<InterruptedTask>;

  /**
   * Makes a task CANCELLING (G5), and all its unfinished descendants: their running turns are over and superseded, what waits
   * in their mailboxes or is scheduled or in hand is DROPPED, an open question is closed, and their cancel turns are due. A task that is
   * cancelled, or being cancelled, is left as it is. `task.cancellation` says how far it has come.
   *
   * Rejects with TASK_NOT_FOUND, REQUEST_ID_REUSED, or TASK_FINISHED if the task completed, failed or timed out.
   */
  cancelTask(args: CancelTask): Promise<CancelledTask>;

  /** Deletes a finished task and all that belongs to it. Rejects with TASK_NOT_FOUND, or TASK_UNFINISHED. */
  deleteTask(args: { taskId: string; now: Millis }): Promise<void>;

  /**
   * Starts the turn that is due for a task, if one is (G2). It is for new work, or for work in hand that is to be tried again:
   *
   * - CANCELLING: onTaskCancel; its task ends CANCELLED or TIMED_OUT, its cancellation FORCED if `forced`, else STOPPED. PENDING: onTaskCreate.
   * - Otherwise, first work in hand whose retry time has come, the oldest first.
   * - ACTIVE with less work in hand than the agent's `parallel`: onTaskEventSend for the oldest event that waits, those that go ahead before all
   *   others; for an agent with `batch`, onTaskEventBatch for up to `max` of them, or fewer that make about 4 MiB, once as many as `max`
   *   wait, one goes ahead, or the oldest has waited for `wait`. Not before what a turn that deferred asked for, for as long as
   *   one of the events that it left waits.
   * - PAUSED: nothing new. INPUT_REQUIRED: nothing, not even what is to be tried again.
   */
  startTurn(args: StartTurn): Promise<StartTurnResult>;

  /**
   * Takes turns from owners that are gone: they are superseded as TURN_LOST, and their work is due again; what they had taken besides waits
   * again. Work that was lost more than `maxLosses` times is given up, as `exhausted` says. A store that one process holds knows every other owner to be
   * gone. Resolves with how many it took; none are left when that is less than `limit`.
   */
  recoverTurns(args: RecoverTurns): Promise<number>;

  /**
   * Draws events that wait into a running turn, in the order in which they would be started: they are PROCESSING, each in one more attempt of
   * its own, and share its fate, except that those of a turn that fails wait again at their places, not tried by it. Rejects with TURN_OVER.
   */
  takeEvents(args: TakeEvents): Promise<EventRecord[]>;

  /** Appends what a running turn shows. Rejects with TURN_OVER. */
  appendOutput(args: AppendOutput): Promise<void>;

  /**
   * Commits a turn (G3): the rest of its output, its changes of state, its events as PROCESSED, its follow-ups in their order and its
   * outcome, in one transaction. The caller's output ends every message that it began. With `next`, starts the next turn of the
   * task in the same transaction, unless it has stopped turns that ran beside: their handlers are to settle first. A task that ends
   * sends its parent, if that is unfinished, an event of type `pigeonhole.task.ended`, whatever room its mailbox has, and has its timers
   * cleared.
   *
   * Rejects with TURN_OVER; with STATE_CONFLICT if a turn that ran beside it has changed a key that it has read or changes, has stored what
   * makes the state longer than it may be with what this one stores, or has asked a question where it asks one; or with what a follow-up is
   * refused with, except that cancelling a task that has ended does nothing. Nothing has then happened, and the turn goes on.
   */
  commitTurn(args: CommitTurn): Promise<StartTurnResult>;

  /**
   * Ends a turn without effect (G3, G7): its messages are superseded, its error is in the log with its attempt, its events are
   * QUEUED again, what it had taken waits again, and its work stays in hand, due at `retryTime`.
   *
   * Without a `retryTime` it was the last attempt: its events are DEAD_LETTERED, and the task goes on, is PAUSED or ends FAILED, as
   * `exhausted` says. If it was onTaskCreate, the task ends FAILED; if onTaskCancel, as it would have. Rejects with TURN_OVER.
   */
  failTurn(args: FailTurn): Promise<void>;

  /**
   * Finds tasks with a turn to start: due at `now`, of one of these agents. At most `limit`, those due longest first. Also tells when
   * the next one that is not due yet will be.
   */
  dueTasks(args: DueTasks): Promise<DueTasksResult>;

  /**
   * Fires timers that are due, the earliest first, each once, at most `limit`, or fewer that change so much that others would wait: delivers
   * scheduled events; times tasks out, as cancelTask does but that they end TIMED_OUT; closes questions, which puts an event of type
   * `pigeonhole.question.expired` in the answer's place; compacts the deltas of messages that are done or void, but of no running turn: they
   * leave the log, and the entry that ended a message that is done has its parts from then on; deletes finished tasks whose retention is over.
   */
  fireTimers(args: FireTimers): Promise<FiredTimers>;

  /** Reads a task by id, or by name, an owner's or anybody's: the unfinished one, or else the one that was created last. */
  getTask(key: TaskKey): Promise<TaskRecord | undefined>;

  /** Reads tasks that pass all filters, newest first. */
  listTasks(args: ListTasks): Promise<TaskPage>;

  /** Reads events that wait, in the order in which they would be started. Rejects with TASK_NOT_FOUND. */
  peekEvents(args: PeekEvents): Promise<EventRecord[]>;

  /** Reads events by their sequences. Rejects with TASK_NOT_FOUND. */
  listEvents(args: ListEvents): Promise<Page<EventRecord>>;

  /** Reads messages in their order, without those that are superseded. Rejects with TASK_NOT_FOUND. */
  listMessages(args: ListMessages): Promise<Page<MessageRecord>>;

  /** Reads what an agent has stored for a task. Rejects with TASK_NOT_FOUND. */
  getState(taskId: string): Promise<StateRecord>;

  /**
   * Reads what it was at a revision: the present one, or one of those before it that are kept, which are the newest `stateHistory` of the
   * agent, or fewer that make about 1 MiB of what they changed. Rejects with TASK_NOT_FOUND or REVISION_NOT_FOUND.
   */
  getStateAt(args: GetStateAt): Promise<StateRecord>;

  /** Reads which revisions are kept, newest first. Rejects with TASK_NOT_FOUND. */
  listStates(args: ListStates): Promise<Page<StateRevision>>;

  /**
   * Reads the log after a sequence: the next entries, at least one if there is any, until `maxEntries` or about `maxBytes` of content.
   * Rejects with TASK_NOT_FOUND.
   */
  readLog(args: ReadLog): Promise<LogPage>;

  /** Counts a principal's unfinished tasks, up to `atMost`. */
  countUnfinished(args: CountUnfinished): Promise<number>;

  /** Counts an agent's unfinished tasks and their waiting events, all or those of an owner, by id: `maxScanned` tasks at the most. */
  countAgent(args: CountAgent): Promise<AgentCounts>;

  /** Counts the events of all tasks by agent, going through all tasks. */
  countEvents(): Promise<Map<string, EventCounts>>;

  /**
   * Tells since when the event waits that has waited longest, of the tasks whose turn runs or may start: not of those that ask, are paused
   * or have deferred, and not what is in hand to be tried again, but what waits behind that. Looks at `limit` tasks of each kind, those that are due longest first. Undefined if none waits.
   */
  oldestWaiting(args: { now: Millis; limit: number }): Promise<Millis | undefined>;

  /**
   * Calls `listener` after each commit with what it changed. It may be called late, twice, or for nothing, but never before the
   * commit; whoever listens reads the store to learn what holds. Returns a function that stops it.
   */
  watch(listener: (commit: Commit) => void): () => void;

  /** Finishes what was begun and releases the database. What is asked of it afterwards rejects with STORE_UNAVAILABLE. */
  close(): Promise<void>;
}

/** What a transaction that served a group of calls has done, for whoever keeps figures. */
export interface Measures {
  /** How many calls it served. */
  writes: number;
  /** How long it took in all, and how long of that its commit, with the fsync. In seconds. */
  transaction: number;
  commit: number;
  /** What it has changed, by agent. */
  events: Map<string, EventChanges>;
}

/** What has become of an agent's events: what was accepted and dead-lettered, and by how much the numbers of those in each state changed. */
export interface EventChanges extends EventCounts {
  accepted: number;
  deadLettered: number;
}
