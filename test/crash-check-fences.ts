import { EventState, TaskState, type TaskUpdate } from "../src/proto.ts";
import type { Report } from "./crash-check.ts";
import type { TaskHistory } from "./crash-history.ts";

/** Checks that no turn wrote after it was over, in what anybody was told (G3). Of those that a cancellation made void, see checkTurns. */
export function checkFences({ logs, end }: TaskHistory, report: Report): void {
  checkFence("the log", end.log, report);
  for (const [index, log] of logs.entries()) checkFence(`subscriber ${index}`, log, report);
}

function checkFence(name: string, log: TaskUpdate[], report: Report): void {
  /** The attempts that events are processed with. */
  const attempts = new Map<string, number>();
  /** The messages of turns that are over. */
  const superseded = new Set<string>();
  let closed = false;
  for (const { sequence, entry } of log) {
    switch (entry.case) {
      case "task":
        closed ||= entry.value.state === TaskState.CANCELLING;
        break;
      case "event":
        if (entry.value.state === EventState.PROCESSING) attempts.set(entry.value.id, entry.value.attempt);
        else attempts.delete(entry.value.id);
        break;
      case "message": {
        const { id, eventId, attempt } = entry.value;
        const running = attempts.get(eventId);
        if (eventId !== "" && running !== attempt && !closed) {
          report("G3", `${name} has a message of attempt ${attempt} at ${sequence}, while ${running} ran`);
        }
        if (superseded.has(id)) report("G3", `${name} has a message at ${sequence} of a turn that was over`);
        break;
      }
      case "delta":
        if (superseded.has(entry.value.messageId)) {
          report("G3", `${name} has a delta at ${sequence} of a turn that was over`);
        }
        break;
      case "superseded":
        for (const id of entry.value.messageIds) superseded.add(id);
    }
  }
}
