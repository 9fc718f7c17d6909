import type {
  AcceptedEvent,
  AgentCounts,
  AgentRecord,
  AppendOutput,
  CancelledTask,
  CancelTask,
  CommitTurn,
  CreatedTask,
  CreateTask,
  DueTasks,
  DueTasksResult,
  EventRecord,
  FailTurn,
  ListEvents,
  ListMessages,
  ListPage,
  ListTasks,
  LogPage,
  MessageRecord,
  Page,
  ReadLog,
  SendEvent,
  StartTurn,
  StartTurnResult,
  StateRecord,
  TaskKey,
  TaskRecord,
} from "./records.ts";

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
export interface Store {
  /** Makes agents known, with the bounds of their mailboxes. Adds or replaces; forgets none. */
  putAgents(agents: readonly AgentRecord[]): Promise<void>;

  /**
   * Makes a task, or finds the unfinished one of that name, and accepts `event` into its mailbox.
   *
   * A `request` that was answered before is answered the same (G8). Rejects with REQUEST_ID_REUSED, TASK_NAME_TAKEN,
   * TASK_NOT_FOUND (the parent), TASK_FINISHED (the parent was cancelled; or the event, for a task found by name) or
   * MAILBOX_FULL (likewise).
   */
  createTask(args: CreateTask): Promise<CreatedTask>;

  /**
   * Accepts an event: it is QUEUED, and its sequence is its place in the task's order (G2).
   *
   * Rejects with TASK_NOT_FOUND, REQUEST_ID_REUSED, TASK_FINISHED, SEQUENCE_MISMATCH or MAILBOX_FULL (G6), in this order.
   */
  sendEvent(args: SendEvent): Promise<AcceptedEvent>;

  /**
   * Makes a task CANCELLING (G5), and all its unfinished descendants: their running turns are over and superseded, what waits
   * in their mailboxes is DROPPED, and their cancel turns are due. A task that is cancelled, or being cancelled, is left as it is.
   *
   * Rejects with TASK_NOT_FOUND, REQUEST_ID_REUSED, or TASK_FINISHED if the task completed or failed.
   */
  cancelTask(args: CancelTask): Promise<CancelledTask>;

  /**
   * Starts the turn that is due for a task, if one is (G2): onTaskCancel of a task that is CANCELLING, else onTaskCreate of one that
   * is PENDING, else onTaskEventSend for the oldest event that is QUEUED.
   *
   * A task has at most one running turn. One whose owner is gone is superseded as TURN_LOST and started again; one whose owner lives
   * is left alone. A store that one process holds knows every other owner to be gone. A turn that was lost more than `maxLosses`
   * times ends the task as a final failure does.
   */
  startTurn(args: StartTurn): Promise<StartTurnResult>;

  /** Appends what a running turn shows. Rejects with TURN_OVER. */
  appendOutput(args: AppendOutput): Promise<void>;

  /**
   * Commits a turn (G3): the rest of its output, its changes of state, its event as PROCESSED and its end, in one transaction.
   * The caller's output ends every message that it began. With `next`, starts the next turn of the task in the same transaction.
   * Rejects with TURN_OVER.
   */
  commitTurn(args: CommitTurn): Promise<StartTurnResult>;

  /**
   * Ends a turn without effect (G3, G7): its messages are superseded, its error is in the log with its attempt, and its event is
   * QUEUED again, due at `retryTime`. Without a `retryTime` it was the last attempt: its event is DEAD_LETTERED and the task FAILED;
   * if it was onTaskCancel, the task is CANCELLED all the same. Rejects with TURN_OVER.
   */
  failTurn(args: FailTurn): Promise<void>;

  /**
   * Finds tasks with a turn to start: due at `now`, of one of these agents, and not running for `owner`. At most `limit`, those due
   * longest first. Also tells when the next one that is not due yet will be.
   */
  dueTasks(args: DueTasks): Promise<DueTasksResult>;

  /** Reads a task by id, or by name: the unfinished one, or else the one that was created last. */
  getTask(key: TaskKey): Promise<TaskRecord | undefined>;

  /** Reads tasks that pass all filters, newest first. */
  listTasks(args: ListTasks): Promise<ListPage<TaskRecord>>;

  /** Reads events in their order. Rejects with TASK_NOT_FOUND. */
  listEvents(args: ListEvents): Promise<Page<EventRecord>>;

  /** Reads messages in their order, without those that are superseded. Rejects with TASK_NOT_FOUND. */
  listMessages(args: ListMessages): Promise<Page<MessageRecord>>;

  /** Reads what an agent has stored for a task. Rejects with TASK_NOT_FOUND. */
  getState(taskId: string): Promise<StateRecord>;

  /**
   * Reads the log after a sequence: the next entries, at least one if there is any, until `maxEntries` or about `maxBytes` of content.
   * Rejects with TASK_NOT_FOUND.
   */
  readLog(args: ReadLog): Promise<LogPage>;

  /** Counts an agent's unfinished tasks and their waiting events. */
  countAgent(agent: string): Promise<AgentCounts>;

  /**
   * Calls `listener` after each commit with the tasks whose logs grew. It may be called late, twice, or for nothing, but never before the
   * commit; whoever listens reads the log to learn what happened. Returns a function that stops it.
   */
  watch(listener: (taskIds: readonly string[]) => void): () => void;

  /** Finishes what was begun and releases the database. What is asked of it afterwards rejects with STORE_UNAVAILABLE. */
  close(): Promise<void>;
}
