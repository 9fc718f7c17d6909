import { isFinalState } from "../../../src/final-state.ts";
import { EventState, Handler, TaskState } from "../../../src/proto.ts";

/** How a mailbox is ruled: what the reference goes by, whatever the store is told. */
export interface ReferenceRules {
  /** Whether there is something to do for a task before its events. */
  greets: boolean;
  parallel: number;
  batch?: { max: number; wait: number };
  maxPending: number;
  onExhausted: "dead-letter" | "pause" | "fail";
}

/** An event. One that is in hand belongs to a work, and else waits, is kept apart or is settled, as its state says. */
export interface Item {
  id: string;
  policy: "answer" | "steer" | "interrupt" | "queue" | "reject";
  /** Its place in the order of its task. */
  place: number;
  state: EventState;
  /** Since when it is in this state, or when it is to be delivered. */
  time: number;
  work?: Work | undefined;
}

/** What is in hand: a handler, for its own events and those that its turn takes, in a turn of an owner, or to be run again at a time. */
export interface Work {
  handler: Handler;
  own: Item[];
  /** With how many commits before it. */
  turn?: { number: number; owner: string; commits: number } | undefined;
  due: number;
}

/** What turns have left, and the first of what they have asked for: a time, or so many events. */
interface Hold {
  left: Item[];
  untilTime?: number | undefined;
  untilEvents?: number | undefined;
}

export interface Task {
  id: string;
  name: string | undefined;
  parent: string | undefined;
  expireTime: number | undefined;
  state: TaskState;
  /** What it will be once its cancellation has been handled. */
  endState: TaskState;
  paused: boolean;
  turns: number;
  events: Item[];
  works: Work[];
  /** The keys of the state that each commit has changed. */
  commits: string[][];
  deleted?: boolean;
  question?: { id: string; expireTime?: number } | undefined;
  /** What is put off, and until when. */
  hold?: Hold | undefined;
}

export function isClosed({ state }: Task): boolean {
  return state === TaskState.CANCELLING || isFinalState(state);
}

/** The events that wait, in the order in which they are handled: what ends a question first, then all else that goes ahead. */
export function waiting({ events }: Task): Item[] {
  const rank = ({ policy }: Item) => (policy === "answer" ? 0 : goesAhead(policy) ? 1 : 2);
  return events
    .filter(({ state, work }) => state === EventState.QUEUED && work === undefined)
    .sort((a, b) => rank(a) - rank(b) || a.place - b.place);
}

/** How many events take up room: those that wait, also to be tried again, and those that are scheduled. */
export function pending({ events }: Task): number {
  return events.filter(({ state }) => state === EventState.QUEUED || state === EventState.SCHEDULED).length;
}

/** Moves events to a state, in the hand of a work or of none. */
export function move(items: Item[], state: EventState, time: number, work?: Work): Item[] {
  for (const item of items) Object.assign(item, { state, time, work });
  return items;
}

/** All that a work has in hand. */
export function eventsOf({ events }: Task, work: Work): Item[] {
  return events.filter((item) => item.work === work);
}

/** Starts the turn that is due, if one is: of what is to be tried again the oldest, or else of what waits the first. */
export function start(task: Task, rules: ReferenceRules, owner: string, now: number): object {
  const place = ({ own: [first] }: Work) => first?.place ?? 0;
  const again = task.works.filter(({ turn, due }) => turn === undefined && due <= now);
  const work = again.sort((a, b) => place(a) - place(b))[0] ?? fresh(task, rules, now);
  if (work === undefined || task.state === TaskState.INPUT_REQUIRED) return { turn: undefined };
  if (!task.works.includes(work)) {
    task.works.push(work);
    if (holdOf(task, now) !== "stands") task.hold = undefined;
  }
  task.turns += 1;
  work.turn = { number: task.turns, owner, commits: task.commits.length };
  const events = move(work.own, EventState.PROCESSING, now, work).map(({ id }) => ({ id }));
  return { turn: { turn: task.turns, handler: work.handler, events } };
}

/** Makes the work that comes next, if its time has come and there is room for it beside the others. */
function fresh(task: Task, { parallel, batch }: ReferenceRules, now: number): Work | undefined {
  const { state, works } = task;
  const make = (handler: Handler, own: Item[] = []) => ({ handler, own, due: now });
  if (state === TaskState.PENDING) return works.length === 0 ? make(Handler.TASK_CREATE) : undefined;
  if (state === TaskState.CANCELLING) return works.length === 0 ? make(Handler.TASK_CANCEL) : undefined;
  if (state !== TaskState.ACTIVE || works.length >= parallel) return undefined;

  const all = waiting(task);
  const [first] = all;
  const put = holdOf(task, now);
  // What is put off is passed by others that go ahead, and by nothing else.
  const others = all.filter((item) => goesAhead(item.policy) && !task.hold?.left.includes(item));
  const next = put === "stands" ? others : all;
  const gathered = all.length >= (batch?.max ?? 1) || (first?.time ?? now) + (batch?.wait ?? 0) <= now;
  const ready = put !== "none" || gathered || all.some(({ policy }) => goesAhead(policy));
  if (next.length === 0 || !ready) return undefined;
  return make(
    batch === undefined ? Handler.TASK_EVENT_SEND : Handler.TASK_EVENT_BATCH,
    next.slice(0, batch?.max ?? 1),
  );
}

/** How things stand with what was put off: all of it is gone, it is put off, or what was asked for has come. */
function holdOf(task: Task, now: number): "none" | "stands" | "over" {
  const all = waiting(task);
  const {
    left,
    untilTime = Number.POSITIVE_INFINITY,
    untilEvents = Number.POSITIVE_INFINITY,
  } = task.hold ?? { left: [] };
  if (!left.some((item) => all.includes(item))) return "none";
  return untilTime <= now || all.length >= untilEvents ? "over" : "stands";
}

/** Puts off what comes until what a turn asks for that left its events, or what one beside it has, of which some still waits. */
export function hold(task: Task, left: Item[], { untilTime, untilEvents }: Omit<Hold, "left">): void {
  const others = task.hold?.left.filter((item) => !left.includes(item)) ?? [];
  const beside = others.some((item) => waiting(task).includes(item)) ? task.hold : undefined;
  const first = (...asked: (number | undefined)[]) =>
    asked.filter((each) => each !== undefined).sort((a, b) => a - b)[0];
  task.hold = {
    left: beside === undefined ? left : [...others, ...left],
    untilTime: first(untilTime, beside?.untilTime),
    untilEvents: first(untilEvents, beside?.untilEvents),
  };
}

/** Ends a turn without effect: what it had taken waits again, and its work is in hand until it is tried again at a time. */
export function giveBack(task: Task, work: Work, due: number, now: number): void {
  move(eventsOf(task, work), EventState.QUEUED, now);
  move(work.own, EventState.QUEUED, now, work);
  Object.assign(work, { turn: undefined, due });
}

/** Lets go of works, and moves all that they have in hand to a state. Returns what that was. */
export function letGo(task: Task, works: Work[], state: EventState, now: number): Item[] {
  task.works = task.works.filter((work) => !works.includes(work));
  return works.flatMap((work) => move(eventsOf(task, work), state, now));
}

/** Drops what is in hand for events. */
export function interrupt(task: Task, now: number): Item[] {
  const works = task.works.filter(({ handler }) => handler !== Handler.TASK_CREATE);
  return letGo(task, works, EventState.DROPPED, now);
}

/** Drops all that a task has in hand, or that waits or is scheduled. */
export function close(task: Task, state: TaskState, now: number): void {
  letGo(task, task.works, EventState.DROPPED, now);
  const left = ({ state }: Item) => state === EventState.QUEUED || state === EventState.SCHEDULED;
  move(task.events.filter(left), EventState.DROPPED, now);
  Object.assign(task, { state, question: undefined });
}

/** Closes the open question, if there is one. */
export function goOn(task: Task): void {
  if (task.question !== undefined) task.state = task.paused ? TaskState.PAUSED : TaskState.ACTIVE;
  task.question = undefined;
}

/** Whether a turn beside this one has changed what it read or changes, or has asked where it asks. */
export function conflicts(
  { commits, question }: Task,
  { turn }: Work,
  {
    changes,
    reads,
    outcome,
  }: { changes: object; reads: readonly string[] | "all"; outcome: { kind: string } },
): boolean {
  const changed = commits.slice(turn?.commits).flat();
  const touched = changed.some((key) => reads === "all" || reads.includes(key) || key in changes);
  return touched || (outcome.kind === "ask" && question !== undefined);
}

function goesAhead(policy: Item["policy"]): boolean {
  return policy === "answer" || policy === "steer" || policy === "interrupt";
}
