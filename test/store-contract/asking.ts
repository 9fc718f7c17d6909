import { fromBinary, toJson } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { EventInputSchema, EventState, TaskState } from "../../src/proto.ts";
import type { QuestionRecord } from "../../src/server/store/records.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeAsking(scene: () => Scene): void {
  /** A task whose turn for its event `e` has asked the question `q` at 10, with its event `behind` waiting. */
  async function asked(more: Partial<QuestionRecord> = {}): Promise<Scene & { question: QuestionRecord }> {
    const one = scene();
    await one.activate();
    await one.send("e");
    await one.send("behind");
    const question = { id: one.id("q"), prompt: "Which one?", createTime: at(10), ...more };
    await one.finish({ kind: "ask", question }, { now: at(10) });
    return { ...one, question };
  }

  it("makes the task INPUT_REQUIRED with the question, on the record, and starts nothing new", async () => {
    const more = { schema: '{"type":"string"}', expireTime: at(1000) };
    const { question, task, states, log, due, start, list, id } = await asked(more);
    const asking = await task();
    expect(asking).toMatchObject({ state: TaskState.INPUT_REQUIRED, question, pendingEvents: 1 });
    expect(asking.question).toEqual(question);
    expect((await log()).findLast(({ kind }) => kind === "task")).toMatchObject({
      time: at(10),
      task: { state: TaskState.INPUT_REQUIRED, question },
    });
    expect(await states()).toEqual({ e: "PROCESSED", behind: "QUEUED" });
    expect(await due(at(999))).toEqual([]);
    expect(await start({ now: at(999) })).toEqual({});
    const { items } = await list({ states: [TaskState.INPUT_REQUIRED] });
    expect(items.map((task) => task.id)).toEqual([id("task")]);
  });

  it("leaves out what the question has not", async () => {
    const { task, id } = await asked();
    expect((await task()).question).toEqual({ id: id("q"), prompt: "Which one?", createTime: at(10) });
  });

  it("may be asked by onTaskCreate, with what it showed", async () => {
    const { create, finish, task, messages, id } = scene();
    await create();
    const question = { id: id("q"), prompt: "Who are you?", createTime: at(0) };
    await finish({ kind: "ask", question }, { output: [show.whole(id("m"))] });
    expect(await task()).toMatchObject({ state: TaskState.INPUT_REQUIRED, question });
    expect(await messages()).toHaveLength(1);
  });

  it("is closed by the event that answers it, which goes ahead and makes the task ACTIVE", async () => {
    const { send, task, log, waiting, due, turn, id } = await asked({ expireTime: at(1000) });
    const answer = await send("answer", { answers: id("q"), now: at(20) });
    expect(answer).toMatchObject({ state: EventState.QUEUED });
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 2 });
    expect(await task()).not.toHaveProperty("question");
    const entry = (await log()).findLast(({ kind }) => kind === "task");
    expect(entry).toMatchObject({ time: at(20), task: { state: TaskState.ACTIVE } });
    expect(entry).not.toHaveProperty("task.question");
    expect(await waiting()).toEqual(["answer", "behind"]);
    expect(await due(at(20))).toEqual([id("task")]);
    expect((await turn({ now: at(20) })).events).toMatchObject([{ id: id("answer") }]);
  });

  it("is closed for good: what has closed it cannot be taken back", async () => {
    const { send, takeBack, states, turn, id } = await asked();
    await send("answer", { answers: id("q"), now: at(20) });
    expect(await reasonOf(takeBack("answer", { now: at(21) }))).toBe("EVENT_STATE");
    expect(await states()).toMatchObject({ answer: "QUEUED" });
    expect((await turn({ now: at(22) })).events).toMatchObject([{ id: id("answer") }]);
  });

  it("leaves events waiting that a turn beside it would take", async () => {
    const { rules, activate, send, turn, take, commit, waiting, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    const question = { id: id("q"), prompt: "?", createTime: at(0) };
    await commit(second.turn, { outcome: { kind: "ask", question } });
    expect(await take(first.turn, { limit: 1 })).toEqual([]);
    expect(await waiting()).toEqual(["e3"]);
    await send("answer", { answers: id("q") });
    expect(await take(first.turn, { limit: 1 })).toMatchObject([{ id: id("answer") }]);
  });

  it("keeps other events waiting, even those that go ahead", async () => {
    const { send, waiting, start } = await asked();
    await send("q1");
    await send("s", { onBusy: "steer" });
    await send("i", { onBusy: "interrupt" });
    expect(await waiting()).toEqual(["s", "i", "behind", "q1"]);
    expect(await start({ now: at(1e6) })).toEqual({});
  });

  it("is ended by what comes before all that waits, also before what goes ahead", async () => {
    const { send, waiting, turn, id } = await asked();
    await send("s", { onBusy: "steer" });
    await send("i", { onBusy: "interrupt" });
    await send("answer", { answers: id("q") });
    expect(await waiting()).toEqual(["answer", "s", "i", "behind"]);
    expect((await turn()).events).toMatchObject([{ id: id("answer") }]);
  });

  it("has all dropped when it is cancelled, also what waits behind an answer that is being handled", async () => {
    const { activate, send, finish, turn, cancel, states, task, id } = scene();
    await activate();
    await send("e");
    await finish({ kind: "ask", question: { id: id("q"), prompt: "Which one?", createTime: at(0) } });
    await send("steer", { onBusy: "steer" });
    await send("answer", { answers: id("q") });
    await turn();
    await cancel();
    expect(await states()).toEqual({ e: "PROCESSED", steer: "DROPPED", answer: "DROPPED" });
    expect(await task()).toMatchObject({ pendingEvents: 0, cancellation: { droppedEvents: 2 } });
  });

  it("rejects with QUESTION_CLOSED what answers no open question, and does nothing", async () => {
    const { activate, send, finish, log, id } = scene();
    const refused = async (answers: string) => {
      const before = await log();
      expect(await reasonOf(send("late", { answers }))).toBe("QUESTION_CLOSED");
      expect(await log()).toEqual(before);
    };
    await activate();
    await refused(id("q"));
    await send("e");
    await finish({ kind: "ask", question: { id: id("q"), prompt: "?", createTime: at(0) } });
    await refused(id("another"));
    await send("answer", { answers: id("q") });
    await refused(id("q"));
    await finish({ kind: "ask", question: { id: id("q2"), prompt: "?", createTime: at(0) } });
    await refused(id("q"));
    await send("answer2", { answers: id("q2") });
  });

  it("lets one of many answers through that come at once", async () => {
    const { send, states, id } = await asked();
    const answers = Array.from({ length: 20 }, (_, n) => send(`a${n}`, { answers: id("q") }));
    const outcomes = await Promise.allSettled(answers);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(Object.keys(await states())).toHaveLength(3);
  });

  it("finds the other sequence before the closed question before the busy task before the full mailbox", async () => {
    const { rules, send, id } = await asked();
    await rules({ maxPending: 1 });
    const reject = { onBusy: "reject" } as const;
    const closed = { ...reject, answers: id("another") };
    expect(await reasonOf(send("a", { ...closed, expectedSequence: 1 }))).toBe("SEQUENCE_MISMATCH");
    expect(await reasonOf(send("a", closed))).toBe("QUESTION_CLOSED");
    expect(await reasonOf(send("a", reject))).toBe("TASK_BUSY");
    expect(await reasonOf(send("a"))).toBe("MAILBOX_FULL");
  });

  it("takes the answer into a full mailbox, which nothing else would empty", async () => {
    const { rules, send, turn, names, id } = await asked();
    await rules({ maxPending: 1 });
    expect(await reasonOf(send("more"))).toBe("MAILBOX_FULL");
    await send("answer", { answers: id("q") });
    expect(names((await turn()).events)).toEqual(["answer"]);
    expect(await reasonOf(send("more"))).toBe("MAILBOX_FULL");
  });

  it("answers a repeated request as it did, though the question is closed", async () => {
    const { send, events, id } = await asked();
    const args = { answers: id("q"), request: { id: id("request"), fingerprint: "f" } };
    const first = await send("answer", args);
    expect(await send("again", args)).toEqual(first);
    expect(await events()).toHaveLength(3);
  });

  it("closes unanswered at its deadline, which an event ahead in the mailbox tells", async () => {
    const { fire, task, log, events, waiting, turn, id } = await asked({ expireTime: at(1000) });
    await fire(at(999));
    expect((await task()).state).toBe(TaskState.INPUT_REQUIRED);
    await fire(at(1000));
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 2 });
    expect(await task()).not.toHaveProperty("question");
    expect((await log()).findLast(({ kind }) => kind === "task")).toMatchObject({
      time: at(1000),
      task: { state: TaskState.ACTIVE },
    });
    expect(await waiting()).toEqual([expect.any(String), "behind"]);
    const expired = (await events()).at(-1);
    expect(expired).toMatchObject({ state: EventState.QUEUED, attempt: 0, createTime: at(1000) });
    const input = fromBinary(EventInputSchema, expired?.content ?? new Uint8Array());
    expect(toJson(EventInputSchema, input)).toMatchObject({
      type: "pigeonhole.question.expired",
      sender: "pigeonhole",
      parts: [{ data: { questionId: id("q") } }],
    });
    expect((await turn({ now: at(1000) })).events).toMatchObject([{ id: expired?.id }]);
  });

  it("takes no answer from its deadline on, also before that is told", async () => {
    const { send, fire, task, events, id } = await asked({ expireTime: at(1000) });
    expect(await reasonOf(send("late", { answers: id("q"), now: at(1000) }))).toBe("QUESTION_CLOSED");
    expect((await task()).state).toBe(TaskState.INPUT_REQUIRED);
    await fire(at(1060));
    expect((await task()).state).toBe(TaskState.ACTIVE);
    expect(await events()).toHaveLength(3);
  });

  it("tells of the deadline whatever room the mailbox has", async () => {
    const { rules, fire, task } = await asked({ expireTime: at(1000) });
    await rules({ maxPending: 1 });
    await fire(at(1000));
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 2 });
  });

  it("tells of no deadline once it was answered, or its task has ended", async () => {
    const answered = await asked({ expireTime: at(1000) });
    await answered.send("answer", { answers: answered.id("q") });
    const cancelled = await asked({ expireTime: at(1000) });
    await cancelled.cancel();
    const before = [await answered.log(), await cancelled.log()];
    await answered.fire(at(1000));
    expect([await answered.log(), await cancelled.log()]).toEqual(before);
  });

  it("is closed when the task is cancelled", async () => {
    const { cancel, send, task, id } = await asked();
    const { task: cancelling } = await cancel();
    expect(cancelling.state).toBe(TaskState.CANCELLING);
    for (const each of [cancelling, await task()]) expect(each).not.toHaveProperty("question");
    expect(await reasonOf(send("answer", { answers: id("q") }))).toBe("TASK_FINISHED");
  });

  it("is answered by an event that was sent for a task of that name", async () => {
    const { activate, create, finish, task, id } = scene();
    await activate({ name: id("name"), event: newEvent(id("e")) });
    await finish({ kind: "ask", question: { id: id("q"), prompt: "?", createTime: at(0) } });
    const event = { ...newEvent(id("answer")), answers: id("q") };
    const found = await create({ taskId: id("other"), name: id("name"), event });
    expect(found).toMatchObject({ created: false, task: { id: id("task"), state: TaskState.ACTIVE } });
    expect(await task()).not.toHaveProperty("question");
  });

  it("is closed at once by an answer that was to come later, and once only", async () => {
    const { send, fire, task, log, waiting, states, id } = await asked();
    await send("answer", { answers: id("q"), deliverTime: at(50), now: at(20) });
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 2, scheduledEvents: 0 });
    expect(await task()).not.toHaveProperty("question");
    expect(await states()).toMatchObject({ answer: "QUEUED" });
    expect(await waiting()).toEqual(["answer", "behind"]);
    const before = await log();
    await fire(at(50));
    expect(await log()).toEqual(before);
  });

  it("does not let a paused task go on when it is answered", async () => {
    const { rules, activate, send, turn, commit, fail, start, redrive, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    await fail(first.turn, { exhausted: "pause" });
    const question = { id: id("q"), prompt: "?", createTime: at(0) };
    await commit(second.turn, { outcome: { kind: "ask", question } });
    await send("answer", { answers: id("q") });
    expect(await start()).toEqual({});
    await redrive();
    expect((await turn()).events).toMatchObject([{ id: id("answer") }]);
  });

  it("has work in hand wait with its retry for the answer", async () => {
    const { rules, activate, send, turn, commit, fail, start, due, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    await fail(first.turn, { retryTime: at(50) });
    const question = { id: id("q"), prompt: "?", createTime: at(0) };
    await commit(second.turn, { outcome: { kind: "ask", question } });
    expect(await start({ now: at(60) })).toEqual({});
    expect(await due(at(60))).toEqual([]);
    await send("answer", { answers: id("q"), now: at(60) });
    expect((await turn({ now: at(60) })).events).toMatchObject([{ id: id("e1"), attempt: 2 }]);
    expect((await turn({ now: at(60) })).events).toMatchObject([{ id: id("answer") }]);
  });

  it("is closed when a turn beside it ends the task", async () => {
    const { rules, activate, send, turn, commit, task, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    for (const name of ["e1", "e2"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    const question = { id: id("q"), prompt: "?", createTime: at(0), expireTime: at(50) };
    await commit(second.turn, { outcome: { kind: "ask", question } });
    await commit(first.turn, { outcome: { kind: "complete" } });
    expect((await task()).state).toBe(TaskState.COMPLETED);
    expect(await task()).not.toHaveProperty("question");
  });

  it("has a turn that runs beside the question go on to its end", async () => {
    const { rules, activate, send, turn, append, commit, task, states, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    for (const name of ["e1", "e2"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    const question = { id: id("q"), prompt: "?", createTime: at(0) };
    await commit(second.turn, { outcome: { kind: "ask", question } });
    await append(first.turn, [show.whole(id("m"))]);
    await commit(first.turn);
    expect(await states()).toEqual({ e1: "PROCESSED", e2: "PROCESSED" });
    expect(await task()).toMatchObject({ state: TaskState.INPUT_REQUIRED, question });
  });
}
