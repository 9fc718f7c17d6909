import { ErrorReason, TaskState } from "../src/proto.ts";
import { reasonOfStatus } from "./crash-clients.ts";
import type { Outcome, StoreHistory } from "./crash-history.ts";

/** Counts what a history has of all that a crash can disturb: a run in which nothing of a kind happened has not tested it. */
export function coverageOf(histories: StoreHistory[]): Record<string, number> {
  const tasks = histories.flatMap((history) => history.tasks);
  const abandoned = histories.flatMap((history) => history.abandoned);
  const superseded = tasks.flatMap(({ end }) =>
    end.log.flatMap(({ entry }) => (entry.case === "superseded" ? [reasonOfStatus(entry.value.error)] : [])),
  );
  const outcomes: Outcome<unknown>[] = tasks.flatMap(({ create, sends, cancels }) =>
    [create, ...sends, ...cancels].flatMap((request): Outcome<unknown>[] => request.outcomes),
  );
  const count = (of: unknown[], value: unknown) => of.filter((one) => one === value).length;
  const states = tasks.map(({ end }) => end.task.state);
  const kinds = outcomes.map(({ kind }) => kind);
  return {
    completedTasks: count(states, TaskState.COMPLETED),
    cancelledTasks: count(states, TaskState.CANCELLED),
    lostTurns: count(superseded, ErrorReason[ErrorReason.TURN_LOST]),
    failedTurns: count(superseded, ErrorReason[ErrorReason.HANDLER_FAILED]),
    cancelledTurns: count(superseded, ErrorReason[ErrorReason.TASK_CANCELLED]),
    acknowledged: count(kinds, "acknowledged"),
    refused: count(kinds, "refused"),
    unknown: count(kinds, "unknown") + abandoned.length,
    duplicates: outcomes.filter((outcome) => outcome.kind === "acknowledged" && outcome.duplicate).length,
  };
}
