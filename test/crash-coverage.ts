import { ErrorReason, EventState, OnBusy, TaskState } from "../src/proto.ts";
import { mentionOf } from "./agents/scribe-answer.ts";
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
  const events = tasks.flatMap(({ end }) => end.events);
  const entries = tasks.flatMap(({ end }) =>
    end.log.flatMap(({ entry }) =>
      entry.case === "event" && entry.value.parts.length > 0 ? [entry.value] : [],
    ),
  );
  const puts = (id: string) => entries.filter((event) => event.id === id).length;
  const texts = tasks.flatMap(({ end }) => end.messages.map(({ parts: [part] }) => part?.content.value));
  return {
    delivered: events.filter(({ id, deliverTime }) => deliverTime !== undefined && puts(id) > 1).length,
    redriven: events.filter(({ id, deliverTime }) => deliverTime === undefined && puts(id) > 1).length,
    taken: texts.filter((text) => typeof text === "string" && text.startsWith(mentionOf(""))).length,
    steered: events.filter(({ onBusy, state }) => onBusy === OnBusy.STEER && state === EventState.PROCESSED)
      .length,
    interruptedTurns: count(superseded, ErrorReason[ErrorReason.TASK_INTERRUPTED]),
    endedChildren: count(
      events.map(({ type }) => type),
      "pigeonhole.task.ended",
    ),
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
