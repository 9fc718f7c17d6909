import { expect, it } from "vitest";
import type { Commit } from "../../src/server/store/calls.ts";
import type { LogPage } from "../../src/server/store/records.ts";
import { dueAt, listen } from "./listen.ts";
import { at, newEvent, type Scene, show } from "./scene.ts";

export function describeWatching(scene: () => Scene): void {
  const stoppedOf = (taskId: string) => (commit: Commit) =>
    commit.stopped.find((turn) => turn.taskId === taskId);

  it("tells which logs grew, once their growth can be read, until it is stopped", async () => {
    const { store, create, send, id } = scene();
    const seen: Promise<LogPage>[] = [];
    const told = Promise.withResolvers<void>();
    await create();
    const stop = store.watch(({ grown }) => {
      if (!grown.includes(id("task"))) return;
      seen.push(store.readLog({ taskId: id("task"), afterSequence: 1, maxEntries: 9, maxBytes: 1e6 }));
      told.resolve();
    });
    await send("e");
    await told.promise;
    stop();
    expect((await seen[0])?.entries).toMatchObject([{ kind: "event", event: { id: id("e") } }]);
  });

  it("tells of all tasks that a call changed, to all who listen", async () => {
    const one = scene();
    const { store, create, cancel, id } = one;
    await create();
    await create({ taskId: id("child"), parentTaskId: id("task") });
    const ears = [listen(one), listen(one)];
    const stopped: Commit[] = [];
    store.watch((commit) => stopped.push(commit))();
    await cancel();
    for (const { until, stop } of ears) {
      for (const name of ["task", "child"])
        await until(({ grown }) => (grown.includes(id(name)) ? true : undefined));
      stop();
    }
    expect(stopped).toEqual([]);
  });

  it("tells when a task has a turn to start, now or later", async () => {
    const one = scene();
    const { activate, send, turn, fail, commit, id } = one;
    await activate();
    const steps: [() => Promise<unknown>, number][] = [
      [() => send("e", { now: at(3) }), at(3)],
      [async () => fail((await turn({ now: at(3) })).turn, { retryTime: at(70) }), at(70)],
      [
        async () => {
          const { turn: number } = await turn({ now: at(70) });
          await send("e2", { now: at(71) });
          await commit(number, { now: at(80) });
        },
        at(80),
      ],
      [
        async () =>
          commit((await turn({ now: at(80) })).turn, {
            outcome: { kind: "defer", untilTime: at(99) },
            now: at(81),
          }),
        at(99),
      ],
    ];
    for (const [step, time] of steps) {
      const { until, stop } = listen(one);
      await step();
      expect(await until((commit) => (dueAt(id("task"))(commit) === time ? time : undefined))).toBe(time);
      stop();
    }
  });

  it("tells of a new task, a delivered event, a redrive and a recovered turn that they are due", async () => {
    const one = scene();
    const { create, finish, send, fire, turn, fail, redrive, recover, id } = one;
    const { until, stop } = listen(one);
    const told = (time: number) => until((commit) => (dueAt(id("task"))(commit) === time ? time : undefined));
    await create({ now: at(1) });
    await told(at(1));
    await finish({ kind: "continue" }, { now: at(2) });
    await send("e", { now: at(3), deliverTime: at(10) });
    await fire(at(10));
    await told(at(10));
    await fail((await turn({ now: at(10) })).turn, { now: at(11) });
    await redrive({ now: at(12) });
    await told(at(12));
    await turn({ now: at(12) });
    await recover({ now: at(13) });
    await told(at(13));
    stop();
  });

  it("tells which running turns were made void, and why", async () => {
    const one = scene();
    const { activate, send, turn, interrupt, cancel, fire, id } = one;
    const { until, stop } = listen(one);
    const names = ["interrupted", "steered", "cancelled", "child", "timed"];
    const reasons = ["TASK_INTERRUPTED", "TASK_INTERRUPTED", "TASK_CANCELLED", "TASK_CANCELLED", "TIMED_OUT"];
    const turns: number[] = [];
    for (const name of names) {
      const taskId = id(name);
      const parent = name === "child" ? { parentTaskId: id("cancelled") } : {};
      await activate({ taskId, ...parent, ...(name === "timed" && { expireTime: at(50) }) });
      await send(`e-${name}`, { taskId });
      turns.push((await turn({ taskId })).turn);
    }
    await interrupt({ taskId: id("interrupted") });
    await send("i", { taskId: id("steered"), onBusy: "interrupt" });
    await cancel({ taskId: id("cancelled") });
    await fire(at(50));
    for (const [n, name] of names.entries()) {
      const found = await until(stoppedOf(id(name)));
      expect(found).toMatchObject({ taskId: id(name), turn: turns[n], error: { reason: reasons[n] } });
    }
    stop();
  });

  it("tells of no void turn when none ran, or it ended by itself", async () => {
    const one = scene();
    const { activate, send, turn, commit, fail, cancel, id } = one;
    const { commits, until, stop } = listen(one);
    await activate();
    await send("e1");
    await commit((await turn()).turn);
    await send("e2");
    await fail((await turn()).turn, { retryTime: at(50) });
    await cancel({ now: at(3) });
    await until((commit) => (dueAt(id("task"))(commit) === at(3) ? true : undefined));
    stop();
    expect(commits.flatMap(({ stopped }) => stopped).filter(({ taskId }) => taskId === id("task"))).toEqual(
      [],
    );
  });

  it("tells the time of the earliest timer that was set", async () => {
    const one = scene();
    const { rules, create, activate, send, turn, commit, finish, id } = one;
    await rules({ keepDeltas: 500, retention: 700 });
    await activate();
    await activate({ taskId: id("other") });
    await send("e");
    const running = await turn();
    const output = [show.begin(id("m")), show.delta(id("m"), "x"), show.end(id("m"), "x")];
    const question = { id: id("q"), prompt: "?", createTime: at(0), expireTime: at(400) };
    const steps: [() => Promise<unknown>, number][] = [
      [() => send("later", { deliverTime: at(200) }), at(200)],
      [() => create({ taskId: id("third"), expireTime: at(300) }), at(300)],
      [
        () => create({ taskId: id("fourth"), event: { ...newEvent(id("e4")), deliverTime: at(310) } }),
        at(310),
      ],
      [() => commit(running.turn, { output, now: at(5) }), at(505)],
      [
        async () => {
          await send("ask", { taskId: id("other") });
          await finish({ kind: "ask", question }, { taskId: id("other") });
        },
        at(400),
      ],
      [() => finish({ kind: "complete" }, { taskId: id("fourth"), now: at(6) }), at(706)],
    ];
    for (const [step, time] of steps) {
      const { until, stop } = listen(one);
      await step();
      expect(await until(({ timer }) => (timer === time ? timer : undefined))).toBe(time);
      stop();
    }
  });
}
