import { isFinalState } from "../../../src/final-state.ts";
import { EventState, Handler, TaskState } from "../../../src/proto.ts";
import type { CommitTurn, CreateTask, FollowUp, NewEvent } from "../../../src/server/store/calls.ts";
import type { AgentRecord } from "../../../src/server/store/records.ts";
import type { Store } from "../../../src/server/store/store.ts";
import {
  draw,
  giveBack,
  goOn,
  type Item,
  interrupted,
  start,
  type Task,
  type Work,
  wait,
} from "./reference-task.ts";

type Args<M extends keyof Store> = Store[M] extends (args: infer A) => unknown ? A : never;

/** What a call is expected to answer, as far as the reference knows: the reason, if it is refused. */
export type Expected = object | string | undefined;

/**
 * What a mailbox is, in the fewest words. It is told of each call in the order in which they took effect, but for requests that were answered
 * before, which the history checker judges, and says what each was to answer; and in the end what became of each event.
 */
export function createReferenceMailbox() {
  const agents = new Map<string, AgentRecord>();
  const tasks = new Map<string, Task>();
  /** The states of the events that have come to their ends. */
  const ends = new Map<string, EventState>();
  /** When schedules fire next. */
  const next = new Map<string, number | undefined>();
  let places = 0;

  const calls: { [M in keyof Store]?: (args: Args<M>) => Expected } = {
    putAgents(records) {
      for (const record of records) agents.set(record.name, record);
      return undefined;
    },
    createTask(args) {
      const task = create(args);
      return task.id === args.taskId ? startAtOnce(task, args) : { turn: undefined };
    },
    sendEvent(args) {
      const { taskId, event, now } = args;
      const { works, waiting, question, ...task } = find(taskId);
      if (isClosed(task)) return "TASK_FINISHED";
      if (event.answers !== undefined && event.answers !== question?.id) return "QUESTION_CLOSED";
      if (event.onBusy === "reject" && works.length + waiting.length > 0) return "TASK_BUSY";
      const stops = event.onBusy === "interrupt" && works.some(({ turn }) => turn !== undefined);
      accept(find(taskId), event, now);
      return stops ? { turn: undefined } : startAtOnce(find(taskId), args);
    },
    cancelTask({ taskId }) {
      const task = find(taskId);
      return isFinalState(task.state) && task.state !== TaskState.CANCELLED ? "TASK_FINISHED" : cancel(task);
    },
    interruptTask({ taskId }) {
      const task = find(taskId);
      if (isClosed(task)) return "TASK_FINISHED";
      return { interrupted: settle(interrupted(task, false), EventState.DROPPED).length };
    },
    redriveEvents({ taskId, now }) {
      const task = find(taskId);
      if (isClosed(task)) return "TASK_FINISHED";
      const dead = task.dead.sort((a, b) => a.place - b.place);
      for (const { id } of dead) ends.delete(id);
      task.dead = [];
      wait(
        task,
        dead.map(({ id }) => ({ id, policy: "queue", place: ++places, time: now })),
        now,
      );
      return { redriven: dead.length };
    },
    startTurn: ({ taskId, owner, now }) => start(find(taskId), owner, now),
    takeEvents({ taskId, turn, steering, limit }) {
      const { task, work } = running(taskId, turn);
      if (work === undefined) return "TURN_OVER";
      const wanted = task.waiting.filter(({ policy }) => policy === "steer" || !steering);
      const taken = draw(task, wanted.slice(0, limit));
      work.taken.push(...taken);
      return taken.map(({ id }) => ({ id }));
    },
    appendOutput: ({ taskId, turn }) => (running(taskId, turn).work ? undefined : "TURN_OVER"),
    commitTurn(args) {
      const { task, work } = running(args.taskId, args.turn);
      if (work === undefined) return "TURN_OVER";
      if (conflicts(task, work, args)) return "STATE_CONFLICT";
      task.commits.push(Object.keys(args.changes));
      task.works = task.works.filter((other) => other !== work);
      const events = [...work.events, ...work.taken];
      if (args.outcome.kind === "defer") wait(task, events, args.now);
      else settle(events, EventState.PROCESSED);
      for (const followUp of args.followUps) follow(followUp, args.now);
      leave(task, work, events, args);
      return startAtOnce(task, args);
    },
    failTurn({ taskId, turn, retryTime, now }) {
      const { task, work } = running(taskId, turn);
      if (work === undefined) return "TURN_OVER";
      giveBack(task, work, retryTime, now);
      if (retryTime !== undefined) return undefined;
      task.dead.push(...settle(work.events, EventState.DEAD_LETTERED));
      if (work.handler === Handler.TASK_CREATE) end(task, TaskState.FAILED, now);
      if (work.handler === Handler.TASK_CANCEL) end(task, TaskState.CANCELLED, now);
      return undefined;
    },
    recoverTurns({ owner, now }) {
      for (const task of tasks.values()) {
        const lost = task.works.filter(({ turn }) => turn !== undefined && turn.owner !== owner);
        for (const work of lost) giveBack(task, work, now, now);
      }
      return undefined;
    },
    declareSchedules({ schedules }) {
      for (const { name, nextTime } of schedules) if (!next.has(name)) next.set(name, nextTime);
      return undefined;
    },
    fireSchedule({ name, expectedTime, nextTime, firings, now }) {
      if (next.get(name) !== expectedTime) return { fired: false };
      next.set(name, nextTime);
      for (const { task } of firings) create({ ...task, now });
      return { fired: true };
    },
    fireTimers({ now }) {
      for (const task of tasks.values()) {
        const due = task.scheduled.filter(({ time }) => time <= now).sort((a, b) => a.time - b.time);
        task.scheduled = task.scheduled.filter((item) => !due.includes(item));
        for (const { id, policy } of due) {
          arrive(task, { id, policy, place: ++places, time: now }, policy === "interrupt");
        }
        const { id, expireTime = Number.POSITIVE_INFINITY } = task.question ?? {};
        if (expireTime <= now) accept(task, { id: `${id}.expired`, content: empty, answers: `${id}` }, now);
      }
      return undefined;
    },
  };
  return {
    /** Makes a call that took effect, if it is one that concerns mailboxes. Returns what it should have answered. */
    apply: (method: string, args: object): Expected =>
      (calls as Record<string, ((args: object) => Expected) | undefined>)[method]?.(args),
    /** How many turns of a task run side by side. */
    turnsOf: (taskId: string) =>
      tasks.get(taskId)?.works.filter(({ turn }) => turn !== undefined).length ?? 0,
    /** The state of an event in the end. */
    stateOf: (id: string) => ends.get(id),
  };

  /** Starts what is due with what made it so, if it is said who may run it. */
  function startAtOnce(task: Task, { next, now }: Pick<CommitTurn, "next" | "now">): Expected {
    return next === undefined ? { turn: undefined } : start(task, next.owner, now);
  }

  function create({ taskId: id, name, agent, parentTaskId: parent, event, now }: CreateTask): Task {
    const named = [...tasks.values()].find((task) => task.name === name && !isFinalState(task.state));
    const rest = { turns: 0, waiting: [], scheduled: [], dead: [], works: [], commits: [] };
    const made = { id, name, parent, agent: agents.get(agent), state: TaskState.PENDING, ...rest };
    const task = (name === undefined ? undefined : named) ?? made;
    tasks.set(task.id, task);
    if (event !== undefined) accept(task, event, now);
    return task;
  }

  function accept(
    task: Task,
    { id, onBusy = "queue", answers, deliverTime = 0 }: NewEvent,
    now: number,
  ): undefined {
    const item: Item = {
      id,
      policy: answers === undefined ? onBusy : "answer",
      place: ++places,
      time: Math.max(deliverTime, now),
    };
    if (answers !== undefined) goOn(task);
    if (answers === undefined && item.time > now) task.scheduled.push(item);
    else arrive(task, { ...item, time: now }, onBusy === "interrupt");
  }

  function arrive(task: Task, item: Item, interrupts: boolean): void {
    if (interrupts) settle(interrupted(task, false), EventState.DROPPED);
    wait(task, [item], item.time);
  }

  function follow(followUp: FollowUp, now: number): void {
    if (followUp.kind === "create") create({ ...followUp.task, now });
    if (followUp.kind === "send") accept(find(followUp.taskId), followUp.event, now);
  }

  /** Leaves a task as a turn's outcome says. */
  function leave(task: Task, { handler }: Work, events: Item[], { outcome, now }: CommitTurn): void {
    if (handler === Handler.TASK_CANCEL) end(task, TaskState.CANCELLED, now);
    else if (outcome.kind === "complete") end(task, TaskState.COMPLETED, now);
    else if (handler === Handler.TASK_CREATE) task.state = TaskState.ACTIVE;
    else if (outcome.kind === "defer") task.hold = { ...outcome, left: events };
    else if (outcome.kind === "ask") {
      task.question = outcome.question;
      task.state = TaskState.INPUT_REQUIRED;
    }
  }

  /** Drops all that a task has, in whatever place. */
  function close(task: Task, state: TaskState): void {
    settle([...interrupted(task, true), ...task.waiting, ...task.scheduled], EventState.DROPPED);
    Object.assign(task, { state, waiting: [], scheduled: [], question: undefined });
  }

  function cancel(task: Task): undefined {
    if (!isClosed(task)) close(task, TaskState.CANCELLING);
    for (const child of tasks.values()) if (child.parent === task.id) cancel(child);
  }

  function end(task: Task, state: TaskState, now: number): void {
    close(task, state);
    const parent = tasks.get(task.parent ?? "");
    if (parent === undefined || isClosed(parent)) return;
    accept(parent, { id: `${task.id}.ended`, content: empty }, now);
  }

  function settle(items: Item[], state: EventState): Item[] {
    for (const { id } of items) ends.set(id, state);
    return items;
  }

  function find(id: string): Task {
    const task = tasks.get(id);
    if (task === undefined) throw new Error(`the reference knows no task ${id}`);
    return task;
  }

  function running(taskId: string, turn: number): { task: Task; work: Work | undefined } {
    const task = find(taskId);
    return { task, work: task.works.find((work) => work.turn?.number === turn) };
  }
}

/** The content of an event, which is nothing that a mailbox knows. */
const empty = new Uint8Array();

/** Whether a turn beside this one has changed what it read or changes, or has asked where it asks. */
function conflicts(task: Task, { turn }: Work, { changes, reads, outcome }: CommitTurn): boolean {
  const changed = task.commits.slice(turn?.commits).flat();
  const touched = changed.some((key) => reads === "all" || reads.includes(key) || key in changes);
  return touched || (outcome.kind === "ask" && task.question !== undefined);
}

function isClosed({ state }: Pick<Task, "state">): boolean {
  return state === TaskState.CANCELLING || isFinalState(state);
}
