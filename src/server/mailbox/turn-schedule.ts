import type { Agent, TurnContext } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { StartedTurn } from "../store/calls.ts";
import type { FollowUps } from "./follow-ups.ts";
import { outgoingEvent } from "./outgoing-event.ts";
import { requireTakesEvents } from "./require-takes-events.ts";
import { timeOf } from "./when.ts";

export interface TurnScheduleOptions {
  agent: Agent;
  turn: StartedTurn;
  followUps: FollowUps;
  clock: Clock;
  /** Throws once the turn is over. */
  requireOpen(): void;
}

/** Makes the calls by which a task sends itself events for later. */
export function createTurnSchedule({
  agent,
  turn,
  followUps,
  clock,
  requireOpen,
}: TurnScheduleOptions): Pick<TurnContext, "schedule" | "unschedule"> {
  const { id: taskId } = turn.task;
  return {
    schedule(when, content, options) {
      requireOpen();
      requireTakesEvents(turn.task);
      const deliverTime = timeOf(when, clock.now(), "schedule");
      const later = deliverTime > clock.now();
      const event = outgoingEvent({
        id: clock.id(),
        content,
        options,
        agent: agent.name,
        taskId,
        to: agent.name,
        // What an agent refuses while it is busy comes from others.
        onBusy: agent.onBusy === "reject" ? "queue" : agent.onBusy,
        ...(later && { deliverTime }),
        // Time bounds a loop of a task's own.
        hops: 0,
      });
      followUps.add({ kind: "send", taskId, event });
      return event.id;
    },
    unschedule(eventId) {
      requireOpen();
      if (typeof eventId !== "string" || eventId === "" || eventId.length > 64) {
        throw new TaskError("VALUE_INVALID", "an event's id must be a string of 1 to 64 characters");
      }
      if (!followUps.withdraw(taskId, eventId)) followUps.add({ kind: "unschedule", eventId });
    },
  };
}
