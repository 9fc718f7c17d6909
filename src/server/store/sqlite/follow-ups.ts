import type { FollowUp } from "../calls.ts";
import type { Millis } from "../records.ts";
import { EventState } from "../states.ts";
import { acceptEvent } from "./accept-event.ts";
import { cancelTree } from "./cancel-task.ts";
import { findOrInsert, nameTaken } from "./create-task.ts";
import { findParked } from "./events.ts";
import { dropEvent } from "./mailbox.ts";
import type { TaskRow } from "./rows.ts";
import { requireTask, type Tx } from "./tx.ts";

/** Does what a turn asks of other tasks, or of its own, in its order. Throws what one of it is refused with. */
export function applyFollowUps(tx: Tx, task: TaskRow, now: Millis, followUps: readonly FollowUp[]): void {
  for (const followUp of followUps) apply(tx, task, now, followUp);
}

function apply(tx: Tx, task: TaskRow, now: Millis, followUp: FollowUp): void {
  switch (followUp.kind) {
    case "create": {
      const { event, name } = followUp.task;
      const { task: made, created } = findOrInsert(tx, { ...followUp.task, now });
      // The turn goes by the id that it gave the task.
      if (!created) throw nameTaken(name ?? "", made);
      if (event !== undefined) acceptEvent(tx, made, now, event);
      return;
    }
    case "send":
      acceptEvent(tx, requireTask(tx, followUp.taskId), now, followUp.event);
      return;
    case "cancel": {
      const target = requireTask(tx, followUp.taskId);
      if (target.ended_at === null) cancelTree(tx, target, now, followUp.reason);
      return;
    }
    case "unschedule": {
      const event = findParked(tx, task, followUp.eventId);
      if (event?.state !== EventState.SCHEDULED) return;
      dropEvent(tx, task, now, event, { reason: "EVENT_CANCELLED", message: "its agent took it back" });
    }
  }
}
