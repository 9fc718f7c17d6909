import { TaskState } from "./proto.ts";

const finalStates: ReadonlySet<TaskState> = new Set([
  TaskState.CANCELLED,
  TaskState.COMPLETED,
  TaskState.FAILED,
  TaskState.TIMED_OUT,
]);

/** Tells whether a task in this state has ended, and stays as it is. */
export function isFinalState(state: TaskState): boolean {
  return finalStates.has(state);
}
