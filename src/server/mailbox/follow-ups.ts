import { TaskError } from "../errors.ts";
import type { FollowUp } from "../store/calls.ts";

/** The most that a turn may ask of its own task and of others. */
const maxFollowUps = 1000;

/** What a turn asks of its own task and of others, in its order: sent by its commit, or not at all. */
export interface FollowUps {
  /** Throws VALUE_INVALID if there are 1,000 already. */
  add(followUp: FollowUp): void;
  /** Takes an event back that the turn itself sends to a task. Returns whether there was one. */
  withdraw(taskId: string, eventId: string): boolean;
  /** The task that the turn makes under an id. */
  created(taskId: string): CreatedChild | undefined;
  /** The task that the turn makes under a name. */
  createdAs(name: string): CreatedChild | undefined;
  list(): readonly FollowUp[];
}

type CreatedChild = Extract<FollowUp, { kind: "create" }>["task"];

export function createFollowUps(): FollowUps {
  const followUps: FollowUp[] = [];
  const byId = new Map<string, CreatedChild>();
  const byName = new Map<string, CreatedChild>();
  return {
    add(followUp) {
      if (followUps.length >= maxFollowUps) {
        throw new TaskError(
          "VALUE_INVALID",
          `a turn may create, send, schedule and cancel ${maxFollowUps} times in all`,
        );
      }
      followUps.push(followUp);
      if (followUp.kind !== "create") return;
      const { task } = followUp;
      byId.set(task.taskId, task);
      if (task.name !== undefined) byName.set(task.name, task);
    },
    withdraw(taskId, eventId) {
      const index = followUps.findIndex(
        (other) => other.kind === "send" && other.taskId === taskId && other.event.id === eventId,
      );
      if (index >= 0) followUps.splice(index, 1);
      return index >= 0;
    },
    created: (taskId) => byId.get(taskId),
    createdAs: (name) => byName.get(name),
    list: () => followUps,
  };
}
