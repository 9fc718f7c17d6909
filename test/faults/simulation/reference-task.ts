import { Handler, TaskState } from "../../../src/proto.ts";
import type { AgentRecord } from "../../../src/server/store/records.ts";

/** An event, and its place in the order of its task. */
export interface Item {
  id: string;
  policy: "answer" | "steer" | "interrupt" | "queue" | "reject";
  place: number;
  /** Since when it waits, or until when it is to be kept back. */
  time: number;
}

/** What is in hand: a handler, for events, in a turn of an owner, or to be run again at a time. */
export interface Work {
  handler: Handler;
  events: Item[];
  /** What its turn has taken besides. */
  taken: Item[];
  /** With how many commits before it. */
  turn?: { number: number; owner: string; commits: number } | undefined;
  due: number;
}

/** A task: where each of its events is that is not settled says the state of that event. */
export interface Task {
  id: string;
  name: string | undefined;
  parent: string | undefined;
  agent: AgentRecord | undefined;
  state: TaskState;
  turns: number;
  waiting: Item[];
  scheduled: Item[];
  dead: Item[];
  works: Work[];
  /** The keys of the state that each commit has changed. */
  commits: string[][];
  question?: { id: string; expireTime?: number } | undefined;
  /** What the turn asked for that deferred last, and what it left behind. */
  hold?: { left: Item[]; untilTime?: number; untilEvents?: number } | undefined;
}

/** Puts events where they wait: what ends a question first, then all else that goes ahead, each in the order of their places. */
export function wait(task: Task, items: Item[], now: number): void {
  for (const item of items) item.time = now;
  const rank = ({ policy }: Item) => (policy === "answer" ? 0 : goesAhead(policy) ? 1 : 2);
  task.waiting = [...task.waiting, ...items].sort((a, b) => rank(a) - rank(b) || a.place - b.place);
}

/** Takes events from where they wait. */
export function draw(task: Task, items: Item[]): Item[] {
  task.waiting = task.waiting.filter((item) => !items.includes(item));
  return items;
}

/** Starts the turn that is due, if one is: of what is to be tried again the oldest, or else of what waits the first. */
export function start(task: Task, owner: string, now: number): { turn: object | undefined } {
  const place = ({ events: [first] }: Work) => first?.place ?? 0;
  const again = task.works.filter(({ turn, due }) => turn === undefined && due <= now);
  const work = again.sort((a, b) => place(a) - place(b))[0] ?? fresh(task, now);
  if (work === undefined || task.state === TaskState.INPUT_REQUIRED) return { turn: undefined };
  if (!task.works.includes(work)) {
    task.works.push(work);
    draw(task, work.events);
    task.hold = undefined;
  }
  task.turns += 1;
  work.turn = { number: task.turns, owner, commits: task.commits.length };
  const events = work.events.map(({ id }) => ({ id }));
  return { turn: { turn: task.turns, handler: work.handler, events } };
}

/** Makes the work that comes next, if its time has come and there is room for it beside the others. */
function fresh({ state, agent, works, waiting, hold }: Task, now: number): Work | undefined {
  const make = (handler: Handler, events: Item[] = []) => ({ handler, events, taken: [], due: now });
  if (state === TaskState.PENDING) return works.length === 0 ? make(Handler.TASK_CREATE) : undefined;
  if (state === TaskState.CANCELLING) return works.length === 0 ? make(Handler.TASK_CANCEL) : undefined;
  if (state !== TaskState.ACTIVE || works.length >= (agent?.parallel ?? 1)) return undefined;

  const batch = agent?.batch;
  const [first] = waiting;
  const called = waiting.some((item) => goesAhead(item.policy) && !hold?.left.includes(item));
  const enough = (hold === undefined ? batch?.max : hold.untilEvents) ?? Number.POSITIVE_INFINITY;
  const time = hold === undefined ? (first?.time ?? now) + (batch?.wait ?? 0) : hold.untilTime;
  const ready = called || waiting.length >= enough || (time ?? Number.POSITIVE_INFINITY) <= now;
  if (first === undefined || !ready) return undefined;
  if (batch === undefined) return make(Handler.TASK_EVENT_SEND, [first]);
  return make(Handler.TASK_EVENT_BATCH, waiting.slice(0, batch.max));
}

/** Ends a turn without effect: what it had taken waits again, and its work is in hand until it is tried again at a time, or not any more. */
export function giveBack(task: Task, work: Work, due: number | undefined, now: number): void {
  wait(task, work.taken, now);
  Object.assign(work, { turn: undefined, taken: [], due });
  if (due === undefined) task.works = task.works.filter((other) => other !== work);
}

/** Takes all that is in hand, or only what is for events. */
export function interrupted(task: Task, all: boolean): Item[] {
  const stopped = task.works.filter(({ handler }) => all || handler !== Handler.TASK_CREATE);
  task.works = task.works.filter((work) => !stopped.includes(work));
  return stopped.flatMap(({ events, taken }) => [...events, ...taken]);
}

/** Closes the open question, if there is one. */
export function goOn(task: Task): void {
  if (task.question !== undefined) task.state = TaskState.ACTIVE;
  task.question = undefined;
}

function goesAhead(policy: Item["policy"]): boolean {
  return policy === "answer" || policy === "steer" || policy === "interrupt";
}
