import { isFinalState } from "../../../src/final-state.ts";
import { EventState, Handler, TaskState } from "../../../src/proto.ts";
import type {
  CommitTurn,
  CreateTask,
  FollowUp,
  NewEvent,
  SendEvent,
} from "../../../src/server/store/calls.ts";
import type { Store } from "../../../src/server/store/store.ts";
import {
  close,
  conflicts,
  eventsOf,
  giveBack,
  goOn,
  hold,
  type Item,
  interrupt,
  isClosed,
  letGo,
  move,
  pending,
  type ReferenceRules,
  start,
  type Task,
  type Work,
  waiting,
} from "./reference-task.ts";

/** What a call is expected to answer, as far as the reference knows: the reason, if it is refused. */
export type Expected = object | string | number | undefined;

/** A rule for each call that concerns mailboxes. */
export type ReferenceCalls = {
  [M in keyof Store]?: (args: Store[M] extends (args: infer A) => unknown ? A : never) => Expected;
};

/**
 * What a mailbox is, in the fewest words. It is told of each call in the order in which they took effect, but for requests that were answered
 * before, which the history checker judges, and says what each was to answer; and in the end what became of each event.
 */
export function createReferenceMailbox(rules: ReferenceRules) {
  const tasks = new Map<string, Task>();
  let places = 0;

  const calls: ReferenceCalls = {
    createTask(args) {
      const task = create(args);
      return task.id === args.taskId ? startAtOnce(task, args) : { turn: undefined };
    },
    sendEvent: unfinished((task, args: SendEvent) => {
      const { event, now } = args;
      const refused = refusal(task, event, now);
      if (refused !== undefined) return refused;
      const stops = event.onBusy === "interrupt" && task.works.some(({ turn }) => turn !== undefined);
      accept(task, event, now);
      return stops ? { turn: undefined } : startAtOnce(task, args);
    }),
    cancelEvent({ taskId, eventId, now }) {
      const { events } = find(taskId);
      const own = events.filter(({ id }) => id === eventId);
      const { state, work, policy } = own[0] ?? {};
      // An answer has closed its question.
      const waits =
        policy !== "answer" &&
        (state === EventState.SCHEDULED || (state === EventState.QUEUED && work === undefined));
      if (waits) move(own, EventState.DROPPED, now);
      return waits || state === EventState.DROPPED ? { state: EventState.DROPPED } : "EVENT_STATE";
    },
    cancelTask({ taskId, now }) {
      const task = find(taskId);
      if (isFinalState(task.state) && task.state !== TaskState.CANCELLED) return "TASK_FINISHED";
      return stop(task, TaskState.CANCELLED, now);
    },
    deleteTask({ taskId }) {
      const task = find(taskId);
      if (task.deleted) return "TASK_NOT_FOUND";
      task.deleted = isFinalState(task.state);
      return task.deleted ? undefined : "TASK_UNFINISHED";
    },
    interruptTask: unfinished((task, { now }) => ({ interrupted: interrupt(task, now).length })),
    redriveEvents: unfinished((task, { eventId, now }) => {
      const asked = task.events.filter(({ id }) => eventId === undefined || id === eventId);
      const dead = asked.filter(({ state }) => state === EventState.DEAD_LETTERED);
      if (eventId !== undefined && dead.length === 0) return "EVENT_STATE";
      // Nothing of a mailbox is handled while it is paused: without this one, no room would ever come.
      const room = Math.max(task.state === TaskState.PAUSED ? 1 : 0, rules.maxPending - pending(task));
      if (dead.length > 0 && room <= 0) return "MAILBOX_FULL";
      const redriven = dead.sort((a, b) => a.place - b.place).slice(0, room);
      for (const item of redriven) Object.assign(item, { policy: "queue", place: ++places });
      move(redriven, EventState.QUEUED, now);
      task.paused = false;
      if (task.state === TaskState.PAUSED) task.state = TaskState.ACTIVE;
      return { redriven: redriven.length };
    }),
    startTurn: ({ taskId, owner, now }) => start(find(taskId), rules, owner, now),
    takeEvents: fenced((task, work, { steering, limit, now }) => {
      if (task.state !== TaskState.ACTIVE) return [];
      const wanted = waiting(task).filter(({ policy }) => policy === "steer" || !steering);
      return move(wanted.slice(0, limit), EventState.PROCESSING, now, work).map(({ id }) => ({ id }));
    }),
    appendOutput: fenced(() => undefined),
    commitTurn: fenced((task, work, args: CommitTurn) => {
      const { outcome, followUps, now } = args;
      if (conflicts(task, work, args)) return "STATE_CONFLICT";
      if (overflows(task, work, args)) return "MAILBOX_FULL";
      const refused = followUps
        .map((followUp) => refusalOf(task, followUp, now))
        .find((each) => each !== undefined);
      if (refused !== undefined) return refused;
      task.commits.push(Object.keys(args.changes));
      const state = outcome.kind === "defer" ? EventState.QUEUED : EventState.PROCESSED;
      const events = letGo(task, [work], state, now);
      for (const followUp of followUps) follow(task, followUp, now);
      leave(task, work, events, args);
      return startAtOnce(task, args);
    }),
    failTurn: fenced((task, work, { retryTime, now }) => {
      giveBack(task, work, retryTime ?? now, now);
      if (retryTime !== undefined) return undefined;
      letGo(task, [work], EventState.DEAD_LETTERED, now);
      const { handler } = work;
      if (handler === Handler.TASK_CANCEL) end(task, task.endState, now);
      else if (handler === Handler.TASK_CREATE || rules.onExhausted === "fail")
        end(task, TaskState.FAILED, now);
      else if (rules.onExhausted === "pause") {
        task.paused = true;
        if (task.state === TaskState.ACTIVE) task.state = TaskState.PAUSED;
      }
      return undefined;
    }),
    recoverTurns({ owner, now }) {
      for (const task of tasks.values()) {
        const lost = task.works.filter(({ turn }) => turn !== undefined && turn.owner !== owner);
        for (const work of lost) giveBack(task, work, now, now);
      }
      return undefined;
    },
    fireTimers({ now }) {
      for (const task of tasks.values()) ring(task, now);
      return undefined;
    },
  };
  return {
    calls,
    /** Makes a task, or finds the one of its name. */
    create,
    stop,
    takeBack,
    find,
    /** How many turns of a task run side by side. */
    turnsOf: (taskId: string) =>
      tasks.get(taskId)?.works.filter(({ turn }) => turn !== undefined).length ?? 0,
    /** How many turns run in all. */
    running: () =>
      [...tasks.values()].flatMap(({ works }) => works.filter(({ turn }) => turn !== undefined)).length,
    /** The state of an event. */
    stateOf: (id: string) =>
      [...tasks.values()].flatMap(({ events }) => events).find((event) => event.id === id)?.state,
  };

  /** A rule for a task that takes events. */
  function unfinished<Args extends { taskId: string }>(rule: (task: Task, args: Args) => Expected) {
    return (args: Args) => (isClosed(find(args.taskId)) ? "TASK_FINISHED" : rule(find(args.taskId), args));
  }

  /** A rule for a turn that runs. */
  function fenced<Args extends { taskId: string; turn: number }>(
    rule: (task: Task, work: Work, args: Args) => Expected,
  ) {
    return (args: Args) => {
      const task = find(args.taskId);
      const work = task.works.find(({ turn }) => turn?.number === args.turn);
      return work === undefined ? "TURN_OVER" : rule(task, work, args);
    };
  }

  /** Starts what is due with what made it so, if it is said who may run it. */
  function startAtOnce(task: Task, { next, now }: Pick<CommitTurn, "next" | "now">): Expected {
    return next === undefined ? { turn: undefined } : start(task, rules, next.owner, now);
  }

  function create({ taskId: id, name, parentTaskId: parent, expireTime, event, now }: CreateTask): Task {
    const named = [...tasks.values()].find((task) => task.name === name && !isFinalState(task.state));
    const state = rules.greets ? TaskState.PENDING : TaskState.ACTIVE;
    const states = { state, endState: TaskState.CANCELLED, paused: false, turns: 0 };
    const made = { id, name, parent, expireTime, ...states, events: [], works: [], commits: [] };
    const task = (name === undefined ? undefined : named) ?? made;
    tasks.set(task.id, task);
    if (event !== undefined) accept(task, event, now);
    return task;
  }

  /** What an event is refused with by a task that is not finished. */
  function refusal(task: Task, { answers, onBusy }: NewEvent, now: number): Expected {
    const { id, expireTime = Number.POSITIVE_INFINITY } = task.question ?? {};
    if (answers !== undefined) return answers === id && now < expireTime ? undefined : "QUESTION_CLOSED";
    if (onBusy === "reject" && task.works.length + waiting(task).length > 0) return "TASK_BUSY";
    return pending(task) < rules.maxPending ? undefined : "MAILBOX_FULL";
  }

  function accept(
    task: Task,
    { id, onBusy = "queue", answers, deliverTime = 0 }: NewEvent,
    now: number,
  ): void {
    const policy = answers === undefined ? onBusy : "answer";
    const item: Item = { id, policy, place: ++places, state: EventState.SCHEDULED, time: deliverTime };
    task.events.push(item);
    if (answers !== undefined) goOn(task);
    if (answers !== undefined || deliverTime <= now) arrive(task, item, onBusy === "interrupt", now);
  }

  function arrive(task: Task, item: Item, interrupts: boolean, now: number): void {
    if (interrupts) interrupt(task, now);
    move([item], EventState.QUEUED, now);
  }

  /** Whether a turn sends its own task more than there is room for once its events are settled. */
  function overflows(task: Task, work: Work, { outcome, followUps }: CommitTurn): boolean {
    const left = outcome.kind === "defer" ? eventsOf(task, work).length : 0;
    const sent = followUps.filter((each) => each.kind === "send" && each.taskId === task.id).length;
    const ids = followUps.map((followUp) => followUp.kind === "unschedule" && followUp.eventId);
    const freed = task.events.filter(({ id, state }) => state === EventState.SCHEDULED && ids.includes(id));
    return sent > 0 && pending(task) + left + sent - freed.length > rules.maxPending;
  }

  /** What a turn is refused with that sends to another task. */
  function refusalOf(task: Task, followUp: FollowUp, now: number): Expected {
    if (followUp.kind !== "send" || followUp.taskId === task.id) return undefined;
    const target = find(followUp.taskId);
    if (target.deleted) return "TASK_NOT_FOUND";
    return isClosed(target) ? "TASK_FINISHED" : refusal(target, followUp.event, now);
  }

  function follow(task: Task, followUp: FollowUp, now: number): void {
    if (followUp.kind === "create") create({ ...followUp.task, now });
    if (followUp.kind === "send") accept(find(followUp.taskId), followUp.event, now);
    if (followUp.kind === "cancel") stop(find(followUp.taskId), TaskState.CANCELLED, now);
    if (followUp.kind !== "unschedule") return;
    const taken = ({ id, state }: Item) => id === followUp.eventId && state === EventState.SCHEDULED;
    move(task.events.filter(taken), EventState.DROPPED, now);
  }

  /** Leaves a task as a turn's outcome says. */
  function leave(task: Task, { handler }: Work, left: Item[], { outcome, now }: CommitTurn): void {
    if (handler === Handler.TASK_CANCEL) end(task, task.endState, now);
    else if (outcome.kind === "complete") end(task, TaskState.COMPLETED, now);
    else if (handler === Handler.TASK_CREATE) task.state = TaskState.ACTIVE;
    else if (outcome.kind === "defer") hold(task, left, outcome);
    else if (outcome.kind === "ask") {
      Object.assign(task, { question: outcome.question, state: TaskState.INPUT_REQUIRED });
    }
  }

  /** Rings what timers of a task are due: those of a question, of events that are scheduled, and of the task itself. */
  function ring(task: Task, now: number): void {
    const { question, events, expireTime } = task;
    const expired = { id: `${question?.id}.expired`, content: new Uint8Array(), answers: `${question?.id}` };
    const timers = [
      { time: question?.expireTime, ring: () => question === task.question && accept(task, expired, now) },
      ...events.map((item) => ({ time: item.time, ring: () => deliver(task, item, now) })),
      { time: expireTime, ring: () => isClosed(task) || stop(task, TaskState.TIMED_OUT, now) },
    ];
    const due = timers.filter(({ time = Number.POSITIVE_INFINITY }) => time <= now);
    for (const { ring } of due.sort((a, b) => Number(a.time) - Number(b.time))) ring();
  }

  function deliver(task: Task, item: Item, now: number): void {
    if (item.state !== EventState.SCHEDULED) return;
    item.place = ++places;
    arrive(task, item, item.policy === "interrupt", now);
  }

  /** Drops an event, with the turn that is for it alone; what a turn has in hand with others goes on. */
  function takeBack(task: Task, id: string, now: number): void {
    const own = task.events.filter((item) => item.id === id);
    const [item] = own;
    const work = item?.work;
    if (work === undefined && (item?.state === EventState.QUEUED || item?.state === EventState.SCHEDULED))
      move(own, EventState.DROPPED, now);
    if (work !== undefined && eventsOf(task, work).length === 1) letGo(task, [work], EventState.DROPPED, now);
  }

  /** Has a task and all below it stop, to come to a state. */
  function stop(task: Task, endState: TaskState, now: number): undefined {
    if (!isClosed(task)) {
      close(task, TaskState.CANCELLING, now);
      task.endState = endState;
    }
    for (const child of tasks.values()) if (child.parent === task.id) stop(child, TaskState.CANCELLED, now);
  }

  function end(task: Task, state: TaskState, now: number): void {
    close(task, state, now);
    const parent = tasks.get(task.parent ?? "");
    if (parent === undefined || isClosed(parent)) return;
    accept(parent, { id: `${task.id}.ended`, content: new Uint8Array() }, now);
  }

  function find(id: string): Task {
    const task = tasks.get(id);
    if (task === undefined) throw new Error(`the reference knows no task ${id}`);
    return task;
  }
}
