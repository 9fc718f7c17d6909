import { TaskState } from "../../proto.ts";
import { taskFinished } from "../errors.ts";
import type { TaskRecord } from "../store/records.ts";

/** Throws TASK_FINISHED if a task has ended or is being cancelled, as the store does. */
export function requireTakesEvents({
  id,
  state,
  endTime,
}: Pick<TaskRecord, "id" | "state" | "endTime">): void {
  if (endTime === undefined && state !== TaskState.CANCELLING) return;
  throw taskFinished(id, TaskState[state], `the task is ${TaskState[state]} and takes no more events`);
}
