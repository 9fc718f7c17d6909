import { expect, it } from "vitest";
import { at, reasonOf, type Scene } from "./scene.ts";

/** That the last revisions of a task's state are kept, as many as its agent says. */
export function describeStates(scene: () => Scene): void {
  /** An ACTIVE task of an agent that has so many revisions kept, to which `change` commits one turn each. */
  async function changing(stateHistory?: number) {
    const one = scene();
    await one.rules({ ...(stateHistory !== undefined && { stateHistory }) });
    await one.activate();
    let turns = 0;
    const page = { taskId: one.id("task"), limit: 1000, maxBytes: 1e9 };
    return {
      ...one,
      page,
      async change(changes: Record<string, string | null>): Promise<void> {
        turns += 1;
        const now = at(turns);
        await one.send(`e${turns}`, { now });
        await one.commit((await one.turn({ now })).turn, { now, changes });
      },
      revisions: async () => (await one.store.listStates(page)).items,
      valuesAt: async (revision: number) =>
        (await one.store.getStateAt({ taskId: page.taskId, revision })).values,
    };
  }

  it("are told newest first, each with the entry that shows it, its time and what it changed", async () => {
    const { change, revisions, log, task, store, page } = await changing(10);
    await change({ a: "1", b: "1" });
    await change({});
    await change({ b: null, "a.b": "2" });
    const found = await revisions();
    expect(found.map(({ revision, commitTime, changedKeys }) => [revision, commitTime, changedKeys])).toEqual(
      [
        [2, at(3), ["b", "a.b"]],
        [1, at(1), ["a", "b"]],
      ],
    );
    const processed = (await log()).filter(({ kind, time }) => kind === "event" && time !== at(2));
    const [, , first, , , second] = processed;
    expect(found.map(({ sequence }) => sequence)).toEqual([second?.sequence, first?.sequence]);
    expect((await store.listStates(page)).sequence).toBe((await task()).sequence);
  });

  it("lead back to what the state was", async () => {
    const { change, valuesAt, store, page, revisions } = await changing(10);
    const strange = {
      "a\u0000b": '"\u0000"',
      ["__proto__"]: '"p"',
      ключ: '"\\ud83d\\ude00"',
    };
    await change({ ...strange, kept: "1" });
    await change({ kept: "2", "a\u0000b": null });
    await change({ kept: null, ["__proto__"]: '"q"', new: "{}" });
    expect(await valuesAt(1)).toEqual({ ...strange, kept: "1" });
    expect(await valuesAt(2)).toEqual({ ["__proto__"]: '"p"', ключ: '"\\ud83d\\ude00"', kept: "2" });
    expect(await valuesAt(3)).toEqual((await store.getState(page.taskId)).values);
    const { revision, sequence } = await store.getStateAt({ taskId: page.taskId, revision: 2 });
    expect([revision, sequence]).toEqual([2, (await revisions())[1]?.sequence]);
  });

  it("are the last ones only", async () => {
    const { change, revisions, valuesAt } = await changing(2);
    for (const value of ["1", "2", "3", "4"]) await change({ value });
    expect((await revisions()).map(({ revision }) => revision)).toEqual([4, 3]);
    expect(await valuesAt(3)).toEqual({ value: "3" });
    expect(await reasonOf(valuesAt(2))).toBe("REVISION_NOT_FOUND");
    expect(await reasonOf(valuesAt(5))).toBe("REVISION_NOT_FOUND");
  });

  it("are fewer when they changed more than about 1 MiB, but never none", async () => {
    const { change, revisions, valuesAt } = await changing(100);
    const text = (letter: string) => JSON.stringify(letter.repeat(400_000));
    for (const letter of ["a", "b", "c", "d", "e"]) await change({ value: text(letter) });
    expect((await revisions()).map(({ revision }) => revision)).toEqual([5, 4]);
    expect((await valuesAt(4)).value).toBe(text("d"));
    await change({ value: text("f"), other: JSON.stringify("x".repeat(2_000_000)) });
    await change({ other: null });
    expect((await revisions()).map(({ revision }) => revision)).toEqual([7]);
    await change({ value: "1" });
    await change({ value: "2" });
    await change({ value: "3" });
    expect((await revisions()).map(({ revision }) => revision)).toEqual([10, 9, 8]);
  });

  it.each([undefined, 0])("are not kept by an agent that says %s; the present one is there", async (none) => {
    const { change, revisions, valuesAt } = await changing(none);
    await change({ value: "1" });
    await change({ value: "2" });
    expect(await revisions()).toEqual([]);
    expect(await valuesAt(2)).toEqual({ value: "2" });
    expect(await reasonOf(valuesAt(1))).toBe("REVISION_NOT_FOUND");
  });

  it("end where some were not kept", async () => {
    const { change, rules, revisions, valuesAt } = await changing(10);
    await change({ value: "1" });
    await rules({ stateHistory: 0 });
    await change({ value: "2" });
    expect(await revisions()).toEqual([]);
    await rules({ stateHistory: 10 });
    await change({ value: "3" });
    expect((await revisions()).map(({ revision }) => revision)).toEqual([3]);
    expect(await reasonOf(valuesAt(1))).toBe("REVISION_NOT_FOUND");
  });

  it("are those of turns that committed, side by side too", async () => {
    const one = await changing(10);
    await one.rules({ stateHistory: 10, parallel: 2 });
    await one.change({ gone: "1" });
    for (const name of ["x", "y"]) await one.send(name, { now: at(10) });
    const first = await one.turn({ now: at(10) });
    const second = await one.turn({ now: at(10) });
    await one.commit(first.turn, { changes: { gone: null, mine: "1" }, now: at(11) });
    await one.fail(second.turn, { retryTime: at(12), now: at(11) });
    const again = await one.turn({ now: at(12) });
    await one.commit(again.turn, { changes: { gone: "2" }, now: at(12) });
    expect((await one.revisions()).map(({ changedKeys }) => changedKeys)).toEqual([
      ["gone"],
      ["gone", "mine"],
      ["gone"],
    ]);
    expect([await one.valuesAt(1), await one.valuesAt(2), await one.valuesAt(3)]).toEqual([
      { gone: "1" },
      { mine: "1" },
      { gone: "2", mine: "1" },
    ]);
  });

  it("are told in pages", async () => {
    const { change, store, page } = await changing(10);
    for (const value of ["1", "2", "3"]) await change({ value });
    const first = await store.listStates({ ...page, limit: 2 });
    expect([first.items.map(({ revision }) => revision), first.more]).toEqual([[3, 2], true]);
    const rest = await store.listStates({ ...page, beforeRevision: 2, maxBytes: 1 });
    expect([rest.items.map(({ revision }) => revision), rest.more]).toEqual([[1], false]);
  });

  it("are gone with their task", async () => {
    const { change, store, page, send, turn, commit } = await changing(10);
    await change({ value: "1" });
    await send("last", { now: at(5) });
    await commit((await turn({ now: at(5) })).turn, { now: at(5), outcome: { kind: "complete" } });
    await store.deleteTask({ taskId: page.taskId, now: at(6) });
    expect(await reasonOf(store.listStates(page))).toBe("TASK_NOT_FOUND");
    expect(await reasonOf(store.getStateAt({ taskId: page.taskId, revision: 1 }))).toBe("TASK_NOT_FOUND");
  });
}
