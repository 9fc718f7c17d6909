import { Code, type Event, EventState, isReason, PigeonholeError, TaskState } from "../client/index.ts";
import { UsageError } from "./usage-error.ts";

/** The exit codes, each with what it means. Scripts rely on them: they do not change. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  unavailable: 4,
  refused: 5,
  taskFailed: 6,
  taskCancelled: 7,
  notSettled: 8,
  notAllowed: 9,
  interrupted: 130,
  terminated: 143,
} as const;

/** The reason of a signal that is aborted because the process was told to end. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("stopped by a signal");
    this.exitCode = exitCode;
  }
}

/** Tells the exit code of what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Stopped) return error.exitCode;
  if (error instanceof UsageError) return exitCodes.usage;
  if (!(error instanceof PigeonholeError)) return exitCodes.failure;
  if (isReason(error, "CONNECTION_LOST", "OVERLOADED")) return exitCodes.unavailable;
  switch (error.code) {
    case Code.InvalidArgument:
    case Code.OutOfRange:
      return exitCodes.usage;
    case Code.NotFound:
      return exitCodes.notFound;
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return exitCodes.unavailable;
    case Code.FailedPrecondition:
    case Code.AlreadyExists:
    case Code.Aborted:
    case Code.ResourceExhausted:
      return exitCodes.refused;
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return exitCodes.notAllowed;
    default:
      return exitCodes.failure;
  }
}

/** Tells the exit code of what has followed a task to its end. */
export function exitCodeOfTask(state: TaskState | undefined): number {
  switch (state) {
    case TaskState.FAILED:
    case TaskState.TIMED_OUT:
      return exitCodes.taskFailed;
    case TaskState.CANCELLED:
      return exitCodes.taskCancelled;
    default:
      return exitCodes.ok;
  }
}

/** Tells the exit code of what has waited for an event to be settled. */
export function exitCodeOfEvent({ state }: Event): number {
  switch (state) {
    case EventState.PROCESSED:
      return exitCodes.ok;
    case EventState.DEAD_LETTERED:
      return exitCodes.taskFailed;
    case EventState.DROPPED:
      return exitCodes.taskCancelled;
    default:
      return exitCodes.notSettled;
  }
}
