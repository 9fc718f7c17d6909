import type { ListPage } from "./records.ts";
import type {
  CreateSchedule,
  DeclareSchedules,
  DueSchedules,
  DueSchedulesResult,
  FiredSchedule,
  FireSchedule,
  ListSchedules,
  PauseSchedule,
  ResumeSchedule,
  ScheduleKey,
  ScheduleRecord,
  TriggeredSchedule,
  TriggerSchedule,
} from "./schedule-records.ts";

/**
 * The part of the Store that keeps recurring schedules. What holds for every method of the Store holds for these.
 *
 * A schedule is named by its owner and its name: a call without an owner is about the server's own. The store knows no cron: the times that follow are arguments. It sees to it that each time is settled once.
 */
export interface ScheduleStore {
  /**
   * Makes a schedule, due at its `nextTime` unless it is paused. A `request` that made it before is answered with the schedule, as it is.
   * Rejects with REQUEST_ID_REUSED, AGENT_NOT_FOUND (it is not `served`), SCHEDULE_EXISTS, or LIMIT_REACHED.
   */
  createSchedule(args: CreateSchedule): Promise<ScheduleRecord>;

  /** Reads a schedule. */
  getSchedule(key: ScheduleKey): Promise<ScheduleRecord | undefined>;

  /** Reads schedules that pass all filters, by owner and name. */
  listSchedules(args: ListSchedules): Promise<ListPage<ScheduleRecord>>;

  /** Pauses a schedule: it has no `nextTime`. One that is paused is left as it is. Rejects with SCHEDULE_NOT_FOUND. */
  pauseSchedule(args: PauseSchedule): Promise<ScheduleRecord>;

  /** Resumes a schedule, due at `nextTime`. One that is not paused is left as it is. Rejects with SCHEDULE_NOT_FOUND. */
  resumeSchedule(args: ResumeSchedule): Promise<ScheduleRecord>;

  /** Deletes a schedule. Rejects with SCHEDULE_NOT_FOUND. */
  deleteSchedule(key: ScheduleKey): Promise<void>;

  /**
   * Makes the declared schedules of some agents, which are the server's, those that are given. One that was declared before keeps its counts, and whether it is
   * paused; it keeps its `nextTime` too if its cron expression and its time zone are the same. Those that are not given any more are
   * deleted. What clients have made is left alone.
   */
  declareSchedules(args: DeclareSchedules): Promise<void>;

  /** Finds schedules of some agents that are due: at most `limit`. Also tells when the next one that is not due yet will be. */
  dueSchedules(args: DueSchedules): Promise<DueSchedulesResult>;

  /**
   * Fires a schedule, for some of its times in their order, and moves it on to the next, in one transaction: nothing happens unless it is
   * still at `expectedTime`, so that each time is settled once, whoever fires.
   *
   * A firing makes or finds its task and sends its event, as createTask does. If an earlier firing is not finished, of a time or a trigger,
   * the schedule's overlap policy holds: `skip` counts the time as skipped; `replace` cancels the tasks that earlier firings made for
   * themselves, or drops the events that they sent to a named task, with the turn that has one in hand; one that has others in hand, too,
   * goes on with all of them. A firing is not finished while the event that it sent to a named task is QUEUED, SCHEDULED or PROCESSING (one
   * that was redriven counts as finished), or the task that it made has not ended; one that was replaced is looked at no more, and of
   * those while the policy was `allow` the last alone. A firing that is refused has no effect, but that it is counted and `lastError` says
   * why; one that would make a task where none may be made any more (`reachedTasks`) counts as skipped.
   */
  fireSchedule(args: FireSchedule): Promise<FiredSchedule>;

  /**
   * Fires a schedule beside its times, whatever its overlap policy, and paused or not: what was begun before goes on, and counts still. A
   * `request` that was answered before is answered the same (G8). Rejects with SCHEDULE_NOT_FOUND, REQUEST_ID_REUSED, or as createTask does.
   */
  triggerSchedule(args: TriggerSchedule): Promise<TriggeredSchedule>;
}
