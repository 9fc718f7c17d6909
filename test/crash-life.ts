import { EventState, OnBusy, type Task, TaskState, type TaskUpdate } from "../src/proto.ts";
import { cancel, create, interrupt, readEnd, redrive, remove, send, settle, unsend } from "./crash-calls.ts";
import { type Clients, follow, perform } from "./crash-clients.ts";
import {
  answerOf,
  type CancelRequest,
  type Request,
  type SendRequest,
  type TaskHistory,
} from "./crash-history.ts";

/** What came of leading a task: its history, or its creation, if that was given up when its outcome was unknown. */
export type Life = { history: TaskHistory } | { abandoned: Request<Task> };

/** How events are handled: see the scribe. */
export const plainTypes = [
  ...(["say", "say", "say", "stumble", "stubborn"] as const),
  ...(["gather", "gather", "delegate", "poison"] as const),
] as const;

/** What events do to a task that is busy. */
const policies = [OnBusy.STEER, OnBusy.STEER, OnBusy.INTERRUPT, OnBusy.REJECT] as const;

/** Leads a task from its creation to its end, with several clients that send, cancel and follow it at once, and tells what they saw. */
export async function leadTask(clients: Clients, name: string): Promise<Life> {
  const { random, types = plainTypes, unsends = 0, deletes = 0 } = clients;
  const sends: SendRequest[] = [];
  const cancels: CancelRequest[] = [];
  const interrupts: CancelRequest[] = [];
  const help: Promise<unknown>[] = [];
  /** What was given up, and what is to end the task, once it is known. */
  const dead = new Set<string | undefined>();
  let last: string | undefined;
  let resumed = 0;
  const { chance = 0, ...limits } = clients.limits ?? { min: 0, max: 0 };
  const creation: TaskHistory["create"] = {
    requestId: `${name}-create`,
    outcomes: [],
    ...(chance > 0 && random.chance(chance) && { ttl: random.between(limits.min, limits.max) }),
  };
  const first = random.chance(0.3) ? newSend("first", "say") : undefined;
  await perform(clients, creation, create(creation.requestId, first, creation.ttl), random.chance(0.8));
  const taskId = answerOf(creation)?.id;
  if (taskId === undefined) return { abandoned: creation };

  const cancelAt = random.chance(0.4) ? random.between(0, 5) : undefined;
  const [logs] = await Promise.all([
    Promise.all([follow(clients, taskId, true, goOn), follow(clients, taskId)]),
    Promise.all([sender("a", cancelAt), sender("b")])
      .then(cure)
      .then(deliveries)
      .then(finish),
  ]);
  await Promise.all(help);
  await repeat();
  const end = await readEnd(clients, taskId);
  const deleted = deletes > 0 && random.chance(deletes);
  if (deleted) await remove(clients, taskId);
  return { history: { create: creation, sends, cancels, interrupts, logs, end, deleted } };

  function newSend(id: string, type: string): SendRequest {
    const request = { requestId: `${name}-${id}`, text: `${id} of ${name}`, type, outcomes: [] };
    sends.push(request);
    return request;
  }

  /** An event that waits for its turn, whatever the agent does to those that do not say. */
  function patient(type: string): SendRequest {
    return Object.assign(newSend(type, type), { onBusy: OnBusy.QUEUE });
  }

  async function sender(id: string, cancelAt?: number): Promise<void> {
    const { min, max } = clients.sends ?? { min: 2, max: 6 };
    const count = random.between(min, max);
    for (let index = 0; index < count; index++) {
      if (index === cancelAt) await cancelTwice();
      const request = newSend(`${id}${index}`, random.pick(types));
      if (random.chance(0.3)) request.onBusy = random.pick(policies);
      if (random.chance(0.15)) deliverLater(request);
      await deliver(request, interruptsLater(request) || random.chance(0.8));
      if (answerOf(request) !== undefined && random.chance(0.2)) await deliver(request);
      if (unsends > 0 && random.chance(unsends)) await takeBack(request);
      if (random.chance(0.1)) await stop(`${id}${index}-stop`);
    }
  }

  /** Sends what is to end the task. */
  async function finish(): Promise<void> {
    const request = patient("finish");
    await deliver(request);
    last = answerOf(request)?.id;
    if (dead.has(last)) help.push(resume(last));
  }

  /** Has a task go on that waits for somebody, or that would because what is to end it was given up. */
  function goOn({ entry }: TaskUpdate): undefined {
    if (entry.case === "event" && entry.value.state === EventState.DEAD_LETTERED) {
      dead.add(entry.value.id);
      if (entry.value.id === last) help.push(resume(last));
    }
    if (entry.case !== "task") return;
    const { state, question } = entry.value;
    if (state === TaskState.INPUT_REQUIRED) answer(question?.id ?? "");
    if (state === TaskState.PAUSED) help.push(resume());
  }

  /** Answers a question, now and then twice, by people who do not know of each other. */
  function answer(id: string): void {
    for (let count = random.between(1, 2); count > 0; count--) {
      const request = newSend(`answer-${help.length}`, "answer");
      // One that interrupted would drop the finish, if that is under way beside, and the task would never end.
      Object.assign(request, { answers: id, onBusy: OnBusy.QUEUE });
      help.push(deliver(request));
    }
  }

  /** Redrives what a task has given up, after a while; or cancels the task, because nothing comes of it. */
  async function resume(eventId?: string): Promise<void> {
    await clients.pause?.(random.between(1, 500));
    resumed += 1;
    if (resumed < 11) await redrive(clients, taskId ?? "", eventId);
    // Once: others may be about to resume it, too.
    else if (resumed === 11) await cancelTwice("given-up");
  }

  /** Takes an event back that was sent: it may be too late. */
  async function takeBack(request: SendRequest): Promise<void> {
    const event = answerOf(request);
    if (event === undefined) return;
    request.unsend = { requestId: `${request.requestId}-unsend`, outcomes: [] };
    await perform(clients, request.unsend, unsend(event.taskId, event.id));
  }

  /** Has an event delivered in a while. What it does to a task that is busy then is its own to say, and not to be refused. */
  function deliverLater(request: SendRequest): void {
    const { onBusy = OnBusy.REJECT } = request;
    if (onBusy === OnBusy.REJECT) request.onBusy = OnBusy.QUEUE;
    request.deliverTime = clients.now() + random.between(1, 300);
  }

  /** Cures what is poisoned, and has it handled again. */
  async function cure(): Promise<void> {
    if (!sends.some(({ type }) => type === "poison")) return;
    const request = patient("cure");
    await deliver(request);
    if (answerOf(request) === undefined) return;
    await settle(clients, taskId ?? "", request);
    await redrive(clients, taskId ?? "");
  }

  /**
   * Waits for what is still to be delivered: for some of it because the finish would hide that it never is, and for all that interrupts,
   * because what came after the finish would drop that, and the task would never end.
   */
  async function deliveries(): Promise<void> {
    for (const request of sends) {
      if (request.deliverTime !== undefined && (interruptsLater(request) || random.chance(0.5)))
        await delivered(answerOf(request)?.id);
    }
  }

  /** Waits until an event that was accepted is not scheduled any more. */
  async function delivered(id: string | undefined): Promise<void> {
    if (id === undefined) return;
    await follow(clients, taskId ?? "", false, ({ entry }) =>
      entry.case === "event" && entry.value.id === id && entry.value.state !== EventState.SCHEDULED
        ? "enough"
        : undefined,
    );
  }

  async function deliver(request: SendRequest, patient = true): Promise<void> {
    await perform(clients, request, send(taskId ?? "", request), patient);
  }

  async function stop(id: string): Promise<void> {
    const request = { requestId: `${name}-${id}`, reason: `reason of ${name}`, outcomes: [] };
    interrupts.push(request);
    await perform(clients, request, interrupt(taskId ?? "", request));
  }

  async function cancelTwice(why = "cancel"): Promise<void> {
    for (const id of [why, `${why}-again`]) {
      const request = { requestId: `${name}-${id}`, reason: `reason of ${name}`, outcomes: [] };
      cancels.push(request);
      await perform(clients, request, cancel(taskId ?? "", request));
    }
  }

  /** Makes requests again, which most often a server that is gone has answered. */
  async function repeat(): Promise<void> {
    if (random.chance(0.5)) await perform(clients, creation, create(creation.requestId, first, creation.ttl));
    for (const request of cancels) await perform(clients, request, cancel(taskId ?? "", request));
    for (const request of interrupts) await perform(clients, request, interrupt(taskId ?? "", request));
    for (const request of sends) {
      if (request !== first && answerOf(request) !== undefined && random.chance(0.3)) await deliver(request);
    }
  }
}

function interruptsLater({ onBusy, deliverTime }: SendRequest): boolean {
  return onBusy === OnBusy.INTERRUPT && deliverTime !== undefined;
}
