import { expect, it } from "vitest";
import { EventState, MessageAuthor, MessageState, TaskState } from "../../src/proto.ts";
import type { CommitTurn } from "../../src/server/store/calls.ts";
import type { Failure } from "../../src/server/store/records.ts";
import { at, boom, bytes, reasonOf, type Scene, show } from "./scene.ts";

export function describeOutput(scene: () => Scene): void {
  it("shows a message that is whole", async () => {
    const { activate, send, turn, append, messages, task, id } = scene();
    await activate();
    await send("e");
    const { turn: number } = await turn();
    await append(number, [{ ...show.whole(id("m"), "hello"), author: MessageAuthor.USER }], { now: at(4) });
    expect(await messages()).toEqual([
      {
        id: id("m"),
        taskId: id("task"),
        sequence: (await task()).sequence,
        eventId: id("e"),
        attempt: 1,
        author: MessageAuthor.USER,
        content: bytes("hello"),
        state: MessageState.DONE,
        createTime: at(4),
        updateTime: at(4),
      },
    ]);
  });

  it("shows a message that is streaming with its deltas, and whole when it has ended", async () => {
    const { create, turn, append, messages, task, id } = scene();
    await create();
    const { turn: number } = await turn();
    const part = { messageId: id("m"), partIndex: 1, part: bytes("part") };
    await append(number, [show.begin(id("m")), show.delta(id("m"), "hel")], { now: at(1) });
    const begun = (await task()).sequence - 1;
    await append(number, [
      show.begin(id("other")),
      show.delta(id("other"), "not this"),
      show.delta(id("m"), "lo"),
    ]);
    await append(number, [{ kind: "delta", delta: part }]);
    const message = {
      id: id("m"),
      taskId: id("task"),
      sequence: begun,
      attempt: 1,
      author: MessageAuthor.AGENT,
      state: MessageState.STREAMING,
      createTime: at(1),
      updateTime: at(1),
    };
    const texts = ["hel", "lo"].map((text) => ({ messageId: id("m"), partIndex: 0, text }));
    expect((await messages())[0]).toEqual({ ...message, deltas: [...texts, part] });
    await append(number, [show.end(id("m"), "hello+part")], { now: at(2) });
    expect((await messages())[0]).toEqual({
      ...message,
      state: MessageState.DONE,
      content: bytes("hello+part"),
      updateTime: at(2),
    });
  });

  it("keeps what a message begins with apart from its deltas", async () => {
    const { create, turn, append, messages, id } = scene();
    await create();
    const { turn: number } = await turn();
    await append(number, [{ ...show.whole(id("m"), "first"), done: false }, show.delta(id("m"), " more")]);
    expect(await messages()).toMatchObject([
      { content: bytes("first"), deltas: [{ messageId: id("m"), partIndex: 0, text: " more" }] },
    ]);
    await append(number, [show.end(id("m"), "")]);
    expect((await messages())[0]).toMatchObject({ content: bytes(""), state: MessageState.DONE });
  });

  it("commits the rest of the output, the state, the event and the turn's end together", async () => {
    const { activate, send, turn, append, commit, messages, events, store, task, id } = scene();
    await activate();
    await send("e");
    const { turn: number } = await turn();
    await append(number, [show.begin(id("m")), show.delta(id("m"), "hel")]);
    await commit(number, {
      output: [show.delta(id("m"), "lo"), show.end(id("m"), "hello"), show.whole(id("m2"))],
      changes: { a: "1" },
      now: at(3),
    });
    expect(await messages()).toMatchObject([
      { id: id("m"), state: MessageState.DONE, content: bytes("hello") },
      { id: id("m2"), state: MessageState.DONE },
    ]);
    expect(await events()).toMatchObject([{ state: EventState.PROCESSED, attempt: 1, updateTime: at(3) }]);
    expect(await store.getState(id("task"))).toMatchObject({ values: { a: "1" }, revision: 1 });
    const after = await task();
    expect(after).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 0, updateTime: at(3) });
    expect(after.processingEventId).toBeUndefined();
  });

  it("makes the task ACTIVE with the commit of onTaskCreate, on the record", async () => {
    const { activate, task, log } = scene();
    await activate();
    expect((await task()).state).toBe(TaskState.ACTIVE);
    expect((await log()).at(-1)).toMatchObject({ kind: "task", task: { state: TaskState.ACTIVE } });
  });

  it("commits whole or not at all", async () => {
    const { activate, send, turn, commit, log, events, messages, store, task, id } = scene();
    await activate();
    await send("e");
    const { turn: number } = await turn();
    const look = async () => ({
      log: await log(),
      events: await events(),
      messages: await messages(),
      state: await store.getState(id("task")),
      task: await task(),
    });
    const before = await look();
    // Ends a message that was never begun, after output that is fine.
    const broken = [show.whole(id("m")), show.end(id("nobody"), "")];
    const bad: Partial<CommitTurn> = { output: broken, changes: { a: "1" }, outcome: { kind: "complete" } };
    await expect(commit(number, bad)).rejects.toThrow();
    expect(await look()).toEqual(before);
    await commit(number, { ...bad, output: [show.whole(id("m"))] });
    expect((await task()).state).toBe(TaskState.COMPLETED);
  });

  it("sets, replaces and deletes values of the state, and counts its revisions", async () => {
    const { activate, send, turn, commit, store, id } = scene();
    await activate();
    const state = () => store.getState(id("task"));
    let steps = 0;
    const step = async (changes: CommitTurn["changes"]) => {
      await send(`e${++steps}`);
      await commit((await turn()).turn, { changes });
    };
    await step({ a: "1", b: '{"x":[]}' });
    expect(await state()).toMatchObject({ values: { a: "1", b: '{"x":[]}' }, revision: 1 });
    await step({});
    expect(await state()).toMatchObject({ revision: 1 });
    await step({ a: null, c: "3", nobody: null });
    expect(await state()).toMatchObject({ values: { b: '{"x":[]}', c: "3" }, revision: 2 });
    expect(Object.keys((await state()).values).sort()).toEqual(["b", "c"]);
  });

  it("keeps state by task", async () => {
    const { create, turn, commit, store, id } = scene();
    for (const name of ["one", "two"]) {
      await create({ taskId: id(name) });
      await commit((await turn({ taskId: id(name) })).turn, {
        taskId: id(name),
        changes: { k: `"${name}"` },
      });
    }
    expect((await store.getState(id("one"))).values).toEqual({ k: '"one"' });
    expect((await store.getState(id("two"))).values).toEqual({ k: '"two"' });
  });

  it.each([
    { outcome: { kind: "complete", reason: "all done" }, state: TaskState.COMPLETED },
    { outcome: { kind: "complete" }, state: TaskState.COMPLETED },
    { outcome: { kind: "fail", reason: "no use", error: boom }, state: TaskState.FAILED },
  ] as { outcome: { kind: "complete" | "fail"; reason?: string; error: Failure }; state: TaskState }[])(
    "ends the task with outcome $outcome: what waits is DROPPED, and the final entry is the last",
    async ({ outcome, state }) => {
      const { activate, send, turn, commit, task, events, log, due, id } = scene();
      await activate();
      for (const name of ["e1", "e2", "e3"]) await send(name);
      await commit((await turn()).turn, { outcome, output: [show.whole(id("m"))], now: at(8) });
      const ended = await task();
      expect(ended).toMatchObject({ state, endTime: at(8), pendingEvents: 0 });
      expect([ended.statusReason, ended.error]).toEqual([outcome.reason, outcome.error]);
      expect((await events()).map((event) => event.state)).toEqual([
        EventState.PROCESSED,
        EventState.DROPPED,
        EventState.DROPPED,
      ]);
      expect((await log()).at(-1)).toMatchObject({ kind: "task", task: ended });
      expect(await due(at(1e6))).toEqual([]);
    },
  );

  it.each([
    "was committed",
    "failed",
    "was given up",
    "was lost",
    "was cancelled",
    "was interrupted",
    "was never started",
    "is of no task",
  ] as const)(
    "rejects with TURN_OVER what is written for a turn that %s, and writes nothing",
    async (how) => {
      const { activate, send, turn, append, commit, fail, cancel, interrupt, take, recover, log, store, id } =
        scene();
      await activate();
      await send("e1");
      await send("e2");
      const running = await turn();
      let number = running.turn;
      await append(number, [show.begin(id("m"))]);
      if (how === "was committed") await commit(number, { output: [show.end(id("m"), "")] });
      if (how === "failed") await fail(number, { retryTime: at(0) });
      if (how === "was given up") await fail(number);
      if (how === "was lost") await recover();
      if (how === "was cancelled") await cancel();
      if (how === "was interrupted") await interrupt();
      if (how === "was never started") number += 1;
      const args = { taskId: id(how === "is of no task" ? "nobody" : "task") };
      const before = [await log(), await store.getState(id("task"))];
      const late = () => [
        append(number, [show.whole(id("late"))], args),
        append(number, [], args),
        take(number, args),
        commit(number, { ...args, output: [show.whole(id("late"))], changes: { a: "1" } }),
        fail(number, { ...args, retryTime: at(0) }),
      ];
      for (const call of late()) expect(await reasonOf(call)).toBe("TURN_OVER");
      expect([await log(), await store.getState(id("task"))]).toEqual(before);
      if (how === "is of no task" || how === "was never started") return;
      await turn({ owner: "c" });
      for (const call of late()) expect(await reasonOf(call)).toBe("TURN_OVER");
    },
  );

  it("lets one commit of a turn through of many at once", async () => {
    const { activate, send, turn, commit, store, messages, id } = scene();
    await activate();
    await send("e");
    const { turn: number } = await turn();
    const commits = Array.from({ length: 20 }, (_, n) =>
      commit(number, { changes: { n: String(n) }, output: [show.whole(id(`m${n}`))] }),
    );
    const outcomes = await Promise.allSettled(commits);
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await messages()).map((message) => message.id)).toEqual([id(`m${winner}`)]);
    expect(await store.getState(id("task"))).toMatchObject({ values: { n: String(winner) }, revision: 1 });
  });
}
