import { expect, it } from "vitest";
import type { CommitTurn } from "../../src/server/store/calls.ts";
import { maxStateLength } from "../../src/server/store/state-length.ts";
import { at, reasonOf, type Scene, show } from "./scene.ts";

export function describeConflicting(scene: () => Scene): void {
  /** An ACTIVE task of an agent that has two works in hand, with events `e1` to `e4`. */
  async function pair(): Promise<Scene> {
    const one = scene();
    await one.rules({ parallel: 2 });
    await one.activate();
    for (const name of ["e1", "e2", "e3", "e4"]) await one.send(name);
    return one;
  }

  it.each([
    { name: "a key that the other changed is read", theirs: { k: "1" }, reads: ["k"] },
    { name: "a key that the other deleted is read", theirs: { old: null }, reads: ["old"] },
    { name: "all are read, and the other added one", theirs: { k: "1" }, reads: "all" },
    { name: "all are read, and the other deleted one", theirs: { old: null }, reads: "all" },
    { name: "both change a key", theirs: { k: "1" }, reads: [], changes: { k: "2" } },
    { name: "one deletes what the other changed", theirs: { old: "1" }, reads: [], changes: { old: null } },
  ] as {
    name: string;
    theirs: CommitTurn["changes"];
    reads: CommitTurn["reads"];
    changes?: CommitTurn["changes"];
  }[])(
    "rejects with STATE_CONFLICT when $name, and the turn goes on",
    async ({ theirs, reads, changes = {} }) => {
      const { finish, turn, commit, append, fail, store, log, id } = await pair();
      await finish({ kind: "continue" }, { changes: { old: "0" } });
      const first = await turn();
      const second = await turn();
      await commit(first.turn, { changes: theirs });
      const before = [await log(), await store.getState(id("task"))];
      const conflict = commit(second.turn, { reads, changes, output: [show.whole(id("m"))] });
      expect(await reasonOf(conflict)).toBe("STATE_CONFLICT");
      expect([await log(), await store.getState(id("task"))]).toEqual(before);
      await append(second.turn, [show.whole(id("m"))]);
      await fail(second.turn, { retryTime: at(0) });
      const again = await turn();
      expect(again).toMatchObject({ attempt: 2, events: second.events.map((event) => ({ id: event.id })) });
      expect(again.state).toEqual(expect.objectContaining({ revision: 2 }));
      await commit(again.turn, { reads, changes });
    },
  );

  it.each([
    { name: "other keys are read and changed", theirs: { k: "1" }, reads: ["old"], changes: { mine: "1" } },
    { name: "nothing was changed", theirs: {}, reads: "all", changes: { k: "1" } },
  ] as {
    name: string;
    theirs: CommitTurn["changes"];
    reads: CommitTurn["reads"];
    changes: CommitTurn["changes"];
  }[])("commits side by side when $name", async ({ theirs, reads, changes }) => {
    const { turn, commit, store, id } = await pair();
    const first = await turn();
    const second = await turn();
    await commit(first.turn, { changes: theirs });
    await commit(second.turn, { reads, changes });
    expect((await store.getState(id("task"))).values).toEqual({ ...theirs, ...changes });
  });

  it("rejects with STATE_CONFLICT when the state is too long with what the other stored", async () => {
    const { turn, commit, store, id } = await pair();
    const first = await turn();
    const second = await turn();
    const most = "1".repeat(maxStateLength / 2 - 1);
    await commit(first.turn, { changes: { a: most } });
    const conflict = commit(second.turn, { changes: { b: `${most}1` } });
    expect(await reasonOf(conflict)).toBe("STATE_CONFLICT");
    await commit(second.turn, { changes: { b: most } });
    expect((await store.getState(id("task"))).values).toEqual({ a: most, b: most });
  });

  it("has room for a turn that stores nothing, also in a state that is too long already", async () => {
    const { finish, turn, commit, store, id } = await pair();
    await finish({ kind: "continue" }, { changes: { old: "0" } });
    const first = await turn();
    const second = await turn();
    const long = "1".repeat(maxStateLength);
    await commit(first.turn, { changes: { long } });
    const third = await turn();
    await commit(second.turn, { changes: { old: null } });
    await commit(third.turn, { changes: {} });
    expect((await store.getState(id("task"))).values).toEqual({ long });
  });

  it("tells keys apart from what every object has", async () => {
    const { turn, commit, store, id } = await pair();
    const first = await turn();
    const second = await turn();
    const names = ["constructor", "toString", "__proto__"];
    await commit(first.turn, { changes: Object.fromEntries(names.map((name) => [name, "1"])) });
    await commit(second.turn, { reads: ["k"], changes: { k: "1" } });
    const { values } = await store.getState(id("task"));
    expect(Object.keys(values).sort()).toEqual([...names, "k"].sort());
  });

  it("is in conflict with a change that lies several turns back", async () => {
    const { turn, commit } = await pair();
    const long = await turn();
    for (const changes of [{ k: "1" }, { j: "1" }, { i: "1" }])
      await commit((await turn()).turn, { changes });
    expect(await reasonOf(commit(long.turn, { reads: ["k"] }))).toBe("STATE_CONFLICT");
    expect(await reasonOf(commit(long.turn, { reads: ["j"] }))).toBe("STATE_CONFLICT");
    await commit(long.turn, { reads: ["other"] });
  });

  it("is in conflict only with what ran beside it, and never with itself", async () => {
    const { turn, commit } = await pair();
    await commit((await turn()).turn, { changes: { k: "1" } });
    const later = await turn();
    await commit(later.turn, { reads: ["k"], changes: { k: "2" } });
    const last = await turn();
    expect(last.state).toMatchObject({ values: { k: "2" }, revision: 2 });
    await commit(last.turn, { reads: "all" });
  });
}
