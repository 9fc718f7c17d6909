import type { Agent, Logger, TurnTasks } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { TaskError, taskNotFound } from "../errors.ts";
import type { StartedTurn } from "../store/calls.ts";
import type { BusyPolicy, Millis, TaskRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { renderUpdate } from "../task-log/render.ts";
import type { TaskLog } from "../task-log/task-log.ts";
import { newChild, requireParent } from "./child-task.ts";
import type { FollowUps } from "./follow-ups.ts";
import { requireAgent } from "./mailbox.ts";
import { outgoingEvent } from "./outgoing-event.ts";
import { requireTakesEvents } from "./require-takes-events.ts";
import { withReason } from "./turn-outcome.ts";
import { timeOf, wholeNumber } from "./when.ts";

export interface TurnTasksOptions {
  store: Pick<Store, "getTask">;
  agents: ReadonlyMap<string, Agent>;
  follow: TaskLog["follow"];
  turn: StartedTurn;
  followUps: FollowUps;
  /** Ends what is followed: aborts when the turn is to stop, or is over. */
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
  told: (error: unknown) => unknown;
  /** Throws once the turn is over. */
  requireOpen(): void;
}

/**
 * Makes other tasks as a turn sees them: what changes them goes to the turn's follow-ups. `settled` waits for the calls under way: the
 * handler has made them before it returned, and they have effect though it does not wait for them.
 */
export function createTurnTasks(options: TurnTasksOptions) {
  const { store, agents, follow, turn, followUps, signal, clock, log, told, requireOpen } = options;
  const { task: own } = turn;
  const pending = new Set<Promise<unknown>>();
  const tasks: TurnTasks = {
    create: guarded(async (child) => {
      const target = requireAgent(agents, child.agent);
      const task = newChild(child, own.id, clock);
      const event = () => {
        const { event: content, type = "" } = child;
        if (content === undefined) return undefined;
        return outgoingEvent({ ...outgoing(target), content, options: { type }, hops: turn.hops + 1 });
      };
      const stored = task.name === undefined ? undefined : await storedAs(task.name);
      if (stored === undefined) await requireParent(store, own);
      requireOpen();
      // Asked after all waiting: a call beside this one may have made it meanwhile.
      const found = task.name === undefined ? undefined : findNamed(task.name, child.agent, stored);
      if (stored !== undefined && child.event !== undefined) requireTakesEvents(stored);
      const first = event();
      if (found === undefined) {
        followUps.add({ kind: "create", task: { ...task, ...(first && { event: first }) } });
        return task.taskId;
      }
      if (first !== undefined) followUps.add({ kind: "send", taskId: found, event: first });
      return found;
    }),

    send: guarded(async (taskId, content, { onBusy, deliver, ...rest } = {}) => {
      const target = await agentOf(taskId);
      requireOpen();
      const deliverTime = deliver && timeOf(deliver, clock.now(), "deliver");
      const event = outgoingEvent({
        ...outgoing(target, { onBusy, deliverTime }),
        taskId,
        content,
        options: rest,
        // To oneself, it has not been passed on.
        hops: taskId === own.id ? turn.hops : turn.hops + 1,
      });
      followUps.add({ kind: "send", taskId, event });
      return event.id;
    }),

    cancel: guarded(async (taskId, reason) => {
      if (taskId === own.id) {
        throw new TaskError("VALUE_INVALID", "a turn ends its own task by ctx.complete or ctx.fail");
      }
      const given = withReason(reason);
      if (followUps.created(taskId) === undefined) await requireTask(taskId);
      requireOpen();
      followUps.add({ kind: "cancel", taskId, ...given });
    }),

    async *subscribe(taskId, { afterSequence = 0 } = {}) {
      requireOpen();
      wholeNumber("subscribe: afterSequence", afterSequence, 0, Number.MAX_SAFE_INTEGER);
      for await (const updates of follow({ taskId, afterSequence, signal })) {
        for (const update of updates) if (update.kind !== "heartbeat") yield renderUpdate(update);
      }
    },
  };
  return { tasks, settled };

  async function settled(): Promise<void> {
    for (const result of await Promise.allSettled(pending)) {
      if (result.status === "fulfilled") continue;
      log.warn("a handler did not wait for what it asked of another task, and it is refused", {
        error: told(result.reason),
      });
    }
  }

  /** Makes a call that throws once the turn is over, and no unhandled rejection if the handler does not wait for it. */
  function guarded<Args extends unknown[], T>(call: (...args: Args) => Promise<T>) {
    return (...args: Args): Promise<T> => {
      const result = (async () => {
        requireOpen();
        return await call(...args);
      })();
      pending.add(result);
      const done = () => void pending.delete(result);
      result.then(done, done);
      return result;
    };
  }

  /** What every event has that this turn sends to a task of an agent. */
  function outgoing(
    target: Agent | undefined,
    { onBusy, deliverTime }: { onBusy?: BusyPolicy | undefined; deliverTime?: Millis | undefined } = {},
  ) {
    const later = deliverTime !== undefined && deliverTime > clock.now();
    return {
      id: clock.id(),
      agent: own.agent,
      to: target?.name,
      onBusy: busyPolicy(onBusy, target?.onBusy, later),
      deliverTime: later ? deliverTime : undefined,
    };
  }

  /** Reads the unfinished task of a name. */
  async function storedAs(name: string): Promise<TaskRecord | undefined> {
    const stored = await store.getTask({ name, owner: own.owner ?? "" });
    return stored?.endTime === undefined ? stored : undefined;
  }

  /** Finds the unfinished task of a name: the one that is stored, or that the turn makes. Throws TASK_NAME_TAKEN if it is another agent's. */
  function findNamed(name: string, agent: string, stored: TaskRecord | undefined): string | undefined {
    const created = followUps.createdAs(name);
    const found = stored ?? (created && { id: created.taskId, agent: created.agent });
    if (found === undefined || found.agent === agent) return found?.id;
    throw new TaskError(
      "TASK_NAME_TAKEN",
      `task ${JSON.stringify(name)} is of agent ${found.agent}, not ${agent}`,
      { resource: { type: "task", name } },
    );
  }

  /** The agent of a task that takes events. Undefined if it is not one of this server's. */
  async function agentOf(taskId: string): Promise<Agent | undefined> {
    const created = followUps.created(taskId);
    if (created !== undefined) return agents.get(created.agent);
    const task = await requireTask(taskId);
    requireTakesEvents(task);
    return agents.get(task.agent);
  }

  async function requireTask(taskId: string): Promise<TaskRecord> {
    const task = await store.getTask({ id: String(taskId) });
    if (task === undefined) throw taskNotFound(String(taskId));
    return task;
  }
}

/** What an event does to a task that is busy: what its sender says, or else the agent of that task. One for later cannot be refused then. */
function busyPolicy(
  said: BusyPolicy | undefined,
  ofAgent: BusyPolicy | undefined,
  later: boolean,
): BusyPolicy {
  if (said === "reject" && later) {
    throw new TaskError("VALUE_INVALID", "an event that is delivered later cannot be refused: onBusy reject");
  }
  const policy = said ?? ofAgent ?? "queue";
  return policy === "reject" && later ? "queue" : policy;
}
