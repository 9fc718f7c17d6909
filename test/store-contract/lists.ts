import { expect, it } from "vitest";
import { EventState, TaskState } from "../../src/proto.ts";
import type { ListTasks, PlaceOfTask, TaskPage } from "../../src/server/store/queries.ts";
import type { TaskRecord } from "../../src/server/store/records.ts";
import { at, bytes, newEvent, type Scene, show, unbounded } from "./scene.ts";

export function describeLists(scene: () => Scene): void {
  it("listEvents filters by state and pages by number", async () => {
    const { activate, send, finish, store, task, events, id } = scene();
    await activate();
    for (let n = 0; n < 5; n++) await send(`e${n}`);
    await finish({ kind: "continue" });
    const { sequence } = await task();
    const all = await events();
    const list = (states: EventState[], afterSequence: number, limit: number) =>
      store.listEvents({ taskId: id("task"), states, afterSequence, limit, maxBytes: 1e6 });
    expect(await list([], 0, 2)).toEqual({ items: all.slice(0, 2), more: true, sequence });
    expect(await list([], all[1]?.sequence ?? 0, 3)).toEqual({ items: all.slice(2), more: false, sequence });
    expect(await list([EventState.QUEUED], 0, 4)).toEqual({ items: all.slice(1), more: false, sequence });
    expect(await list([EventState.QUEUED], 0, 3)).toEqual({ items: all.slice(1, 4), more: true, sequence });
    expect((await list([EventState.PROCESSED, EventState.DROPPED], 0, 9)).items).toEqual(all.slice(0, 1));
    expect(await list([EventState.DEAD_LETTERED], 0, 9)).toEqual({ items: [], more: false, sequence });
  });

  it("listEvents and listMessages page by bytes, at least one item at a time", async () => {
    const { create, turn, append, send, store, id } = scene();
    await create();
    const { turn: number } = await turn();
    const big = "x".repeat(10_000);
    for (let n = 0; n < 4; n++) {
      await send(`e${n}`, { event: { id: id(`e${n}`), content: bytes(big) } });
      await append(number, [show.whole(id(`m${n}`), big)]);
    }
    const args = { taskId: id("task"), states: [], afterSequence: 0, limit: 99 };
    for (const list of [store.listEvents, store.listMessages]) {
      expect(await list({ ...args, maxBytes: 1 })).toMatchObject({ items: [{}], more: true });
      const some = await list({ ...args, maxBytes: 15_000 });
      expect(some.items.length).toBeLessThan(4);
      expect(some.more).toBe(true);
      const rest = await list({ ...args, afterSequence: some.items.at(-1)?.sequence ?? 0, maxBytes: 1e6 });
      expect([...some.items, ...rest.items].map(({ id }) => id)).toHaveLength(4);
      expect(rest.more).toBe(false);
    }
  });

  it("listMessages pages by number and leaves out what is superseded", async () => {
    const { create, turn, append, fail, commit, store, messages, task, id } = scene();
    await create();
    const failing = await turn();
    await append(failing.turn, [show.whole(id("gone1")), show.whole(id("gone2"))]);
    await fail(failing.turn, { retryTime: at(0) });
    const { turn: number } = await turn();
    await commit(number, { output: ["m1", "m2", "m3"].map((name) => show.whole(id(name), name)) });
    const all = await messages();
    expect(all.map((message) => message.id)).toEqual(["m1", "m2", "m3"].map(id));
    const { sequence } = await task();
    const list = (afterSequence: number, limit: number) =>
      store.listMessages({ taskId: id("task"), afterSequence, limit, maxBytes: 1e6 });
    expect(await list(0, 2)).toEqual({ items: all.slice(0, 2), more: true, sequence });
    expect(await list(all[1]?.sequence ?? 0, 2)).toEqual({ items: all.slice(2), more: false, sequence });
    expect(await list(0, 3)).toEqual({ items: all, more: false, sequence });
  });

  it("lists reflect one moment while writes go on", async () => {
    const { create, send, store, id } = scene();
    await create();
    const writes = Promise.all(Array.from({ length: 50 }, (_, n) => send(`e${n}`)));
    for (let n = 0; n < 10; n++) {
      const { items, sequence } = await store.listEvents({ taskId: id("task"), states: [], ...unbounded });
      expect(items.at(-1)?.sequence ?? 1).toBe(sequence);
    }
    await writes;
  });

  it("listTasks filters by agent, state, label, name and parent, newest first", async () => {
    const { create, activate, list: tasks, names, id } = scene();
    await activate({ taskId: id("t1"), name: id("a%_1"), labels: { env: "prod", x: "1" }, now: at(0) });
    await create({
      taskId: id("t2"),
      name: id("a%_2"),
      labels: { env: "prod" },
      parentTaskId: id("t1"),
      now: at(1),
    });
    await create({
      taskId: id("t3"),
      name: id("aXX3"),
      labels: { env: "test" },
      parentTaskId: id("t1"),
      now: at(2),
    });
    await create({ taskId: id("t4"), labels: { prod: "env" }, now: at(2) });
    await create({
      taskId: id("t5"),
      agent: id("another"),
      name: id("a%_5"),
      labels: { env: "prod" },
      now: at(3),
    });
    const list = async (filters: Partial<ListTasks>) => names((await tasks(filters)).items);
    expect(await list({})).toEqual(["t4", "t3", "t2", "t1"]);
    expect(await list({ agent: id("another") })).toEqual(["t5"]);
    expect(await list({ states: [TaskState.ACTIVE] })).toEqual(["t1"]);
    expect(await list({ states: [TaskState.PENDING, TaskState.ACTIVE] })).toEqual(["t4", "t3", "t2", "t1"]);
    expect(await list({ states: [TaskState.COMPLETED] })).toEqual([]);
    expect(await list({ labels: { env: "prod" } })).toEqual(["t2", "t1"]);
    expect(await list({ labels: { env: "prod", x: "1" } })).toEqual(["t1"]);
    expect(await list({ labels: { env: "1" } })).toEqual([]);
    expect(await list({ namePrefix: id("a%_") })).toEqual(["t2", "t1"]);
    expect(await list({ namePrefix: id("a") })).toEqual(["t3", "t2", "t1"]);
    expect(await list({ parentTaskId: id("t1") })).toEqual(["t3", "t2"]);
    expect(
      await list({ parentTaskId: id("t1"), labels: { env: "prod" }, states: [TaskState.PENDING] }),
    ).toEqual(["t2"]);
    expect(await list({ limit: 2 })).toEqual(["t4", "t3"]);
  });

  it.each([
    ["a NUL", "\0"],
    ["the last code point", "\u{10ffff}"],
    ["a code point before the surrogates", "\ud7ff"],
  ])("listTasks finds names that begin with a text that ends with %s, and no others", async (_, end) => {
    const { create, list, id } = scene();
    const prefix = id(`p${end}`);
    const names = [prefix, `${prefix}x`, `${prefix}\u{10ffff}`, id("p"), id("p\u0001"), id("q")];
    for (const [n, name] of names.entries()) await create({ taskId: id(`t${n}`), name });
    // The index on names has them, or, where that is bounded to fewer, the others are passed over.
    for (const maxScanned of [100, 1]) {
      const found = await through((before) => list({ namePrefix: prefix, maxScanned, ...before }));
      expect(found.map((task) => task.name).sort()).toEqual(names.slice(0, 3));
    }
  });

  it("listTasks goes on where it was while tasks are made", async () => {
    const { create, list, id } = scene();
    // Pairs of the same time, so that a page ends between two of them.
    for (let n = 0; n < 7; n++) await create({ taskId: id(`t${n}`), now: at(Math.floor(n / 2)) });
    let pages = 0;
    const found = await through(async (before) => {
      pages += 1;
      const page = await list({ limit: 3, ...before });
      await create({ taskId: id(`later than page ${pages}`), now: at(100) });
      return page;
    });
    expect(found.map((task) => task.id)).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => id(`t${n}`)));
    expect(pages).toBe(3);
  });

  it("listTasks gives whole tasks", async () => {
    const { create, list, task, id } = scene();
    await create({ name: id("name"), params: bytes("p"), labels: { a: "1" }, event: newEvent(id("e")) });
    expect(await list({ limit: 1, maxBytes: 1 })).toEqual({ items: [await task()] });
  });

  it("listTasks ends a page at about its bytes, with one task at least", async () => {
    const { create, list, id } = scene();
    for (let n = 0; n < 3; n++)
      await create({ taskId: id(`t${n}`), params: new Uint8Array(100), now: at(n) });
    const until = async (maxBytes: number) => {
      const { items, next } = await list({ limit: 3, maxBytes });
      return [items.length, next?.id];
    };
    expect(await until(1)).toEqual([1, id("t2")]);
    expect(await until(150)).toEqual([2, id("t1")]);
    expect(await until(1000)).toEqual([3, undefined]);
  });

  it.each<[what: string, filters: (id: Scene["id"]) => Partial<ListTasks>, found: number[]]>([
    ["a state", () => ({ states: [TaskState.ACTIVE] }), [4, 1]],
    ["a label", () => ({ labels: { rare: "yes" } }), [7, 4]],
    ["two of these", () => ({ states: [TaskState.ACTIVE], labels: { rare: "yes" } }), [4]],
    ["an agent, of an owner", (id) => ({ owner: id("alice"), labels: { rare: "yes" } }), [7]],
    ["no state there is", () => ({ states: [TaskState.FAILED] }), []],
  ])(
    "listTasks looks at no more than its bound for a page, and finds all by %s",
    async (_, filters, found) => {
      const { create, activate, list, id } = scene();
      for (let n = 0; n < 9; n++) {
        const labels: Record<string, string> = n === 4 || n === 7 ? { rare: "yes" } : {};
        const creator = n > 6 ? id("alice") : "";
        const make = n === 4 || n === 1 ? activate : create;
        await make({ taskId: id(`t${n}`), labels, creator, now: at(n) });
      }
      for (const maxScanned of [1, 2, 3, 8, 9, 10]) {
        let pages = 0;
        const all = await through((before) => {
          pages += 1;
          return list({ ...filters(id), maxScanned, ...before });
        });
        expect(all.map((task) => task.id)).toEqual(found.map((n) => id(`t${n}`)));
        expect(pages).toBe(Math.ceil((filters(id).owner === undefined ? 9 : 2) / maxScanned));
      }
    },
  );

  it("listTasks counts what a task asks", async () => {
    const { create, finish, list, id } = scene();
    for (const name of ["t1", "t2", "t3"]) {
      const question = { id: id(name), prompt: "?".repeat(50), schema: "true".padEnd(50), createTime: at(0) };
      await create({ taskId: id(name) });
      await finish({ kind: "ask", question }, { taskId: id(name) });
    }
    expect(await list({ limit: 3, maxBytes: 150 })).toMatchObject({ items: [{}, {}], next: {} });
  });

  it("getTask finds by name the unfinished task, or else the one created last", async () => {
    const { create, turn, commit, store, id } = scene();
    const name = id("name");
    const byName = async () => (await store.getTask({ name }))?.id;
    const end = async (taskId: string) =>
      commit((await turn({ taskId, now: at(9) })).turn, { taskId, outcome: { kind: "complete" } });
    expect(await byName()).toBeUndefined();
    await create({ taskId: id("t1"), name, now: at(3) });
    expect(await byName()).toBe(id("t1"));
    await end(id("t1"));
    expect(await byName()).toBe(id("t1"));
    // The clock may go back: what is unfinished counts more than what is later.
    await create({ taskId: id("t0"), name, now: at(2) });
    expect(await byName()).toBe(id("t0"));
    await end(id("t0"));
    expect(await byName()).toBe(id("t1"));
    for (const [creator, time] of [
      ["alice", 5],
      ["bob", 4],
    ] as const) {
      await create({ taskId: id(creator), creator, name, now: at(time) });
      await end(id(creator));
    }
    expect(await byName()).toBe(id("alice"));
    expect((await store.getTask({ name, owner: "bob" }))?.id).toBe(id("bob"));
    expect((await store.getTask({ name, owner: "" }))?.id).toBe(id("t1"));
  });

  it("getTask finds nothing for an id that is not there", async () => {
    const { store, id } = scene();
    expect(await store.getTask({ id: id("nobody") })).toBeUndefined();
  });

  it("dueTasks finds what is due, longest first, and when the next will be", async () => {
    const { create, store, agent, id } = scene();
    for (const [name, time] of [
      ["b", 20],
      ["a", 10],
      ["c", 30],
      ["d", 40],
    ] as const) {
      await create({ taskId: id(name), now: at(time) });
    }
    await create({ taskId: id("other"), agent: id("another"), now: at(35) });
    const due = (now: number, limit = 10, agents = [agent]) =>
      store.dueTasks({ agents, now: at(now), limit });
    expect(await due(9)).toEqual({ taskIds: [], nextDueTime: at(10) });
    expect(await due(30)).toEqual({ taskIds: [id("a"), id("b"), id("c")], nextDueTime: at(40) });
    expect((await due(30, 2)).taskIds).toEqual([id("a"), id("b")]);
    expect(await due(40)).toEqual({ taskIds: ["a", "b", "c", "d"].map(id) });
    expect((await due(35, 10, [agent, id("another")])).taskIds).toContain(id("other"));
    expect(await due(40, 10, [])).toEqual({ taskIds: [] });
  });

  it("dueTasks leaves out a task whose turn runs, until that is over", async () => {
    const { create, turn, commit, due, id } = scene();
    await create({ event: newEvent(id("e")) });
    const { turn: number } = await turn();
    expect(await due(at(1e6))).toEqual([]);
    await commit(number, { now: at(5) });
    expect(await due(at(5))).toEqual([id("task")]);
  });

  it("dueTasks takes a task for due since the first of what it has to do was, also if that is told late", async () => {
    const { rules, activate, create, send, turn, fail, due, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    await send("a", { now: at(10) });
    const failing = await turn({ now: at(10) });
    await send("b", { now: at(78) });
    await create({ taskId: id("other"), now: at(75) });
    await fail(failing.turn, { retryTime: at(70), now: at(79) });
    expect(await due(at(80))).toEqual([id("task"), id("other")]);
  });

  it("countUnfinished counts unfinished tasks, and no further than it is told", async () => {
    const { store, create, finish, id } = scene();
    const atMost = 1_000_000;
    const before = await store.countUnfinished({ owner: "", atMost });
    await create();
    await create({ taskId: id("t2") });
    expect(await store.countUnfinished({ owner: "", atMost })).toBe(before + 2);
    expect(await store.countUnfinished({ owner: "", atMost: 1 })).toBe(1);
    await finish({ kind: "complete" });
    expect(await store.countUnfinished({ owner: "", atMost })).toBe(before + 1);
  });

  it("createTask makes no task where as many have been reached, and answers with one that is there", async () => {
    const { create, id } = scene();
    const request = { id: id("request"), fingerprint: "f" };
    await create({ name: id("name"), request });
    const reachedTasks = 1;
    expect((await create({ taskId: id("t2"), name: id("name"), reachedTasks })).created).toBe(false);
    expect(await create({ taskId: id("t3"), request, reachedTasks })).toMatchObject({ duplicate: true });
    await expect(create({ taskId: id("t4"), reachedTasks })).rejects.toMatchObject({
      reason: "LIMIT_REACHED",
      details: { metadata: { limit: "tasks", max_tasks: "1" }, retryAfter: 1000 },
    });
  });

  it("countAgent counts unfinished tasks and events that wait", async () => {
    const { create, send, turn, commit, cancel, counts, id } = scene();
    expect(await counts()).toEqual({ unfinishedTasks: 0, pendingEvents: 0 });
    await create({ event: newEvent(id("e1")) });
    await create({ taskId: id("t2") });
    await send("e2", { taskId: id("t2") });
    await send("e3", { taskId: id("t2") });
    expect(await counts()).toEqual({ unfinishedTasks: 2, pendingEvents: 3 });
    await commit((await turn()).turn);
    await turn();
    expect(await counts()).toEqual({ unfinishedTasks: 2, pendingEvents: 2 });
    await cancel();
    expect(await counts()).toEqual({ unfinishedTasks: 2, pendingEvents: 2 });
    await commit((await turn()).turn);
    expect(await counts()).toEqual({ unfinishedTasks: 1, pendingEvents: 2 });
  });

  it("countAgent counts no more tasks than it is told, and tells where to go on", async () => {
    const { create, store, agent, id } = scene();
    for (const name of ["a", "b", "c"]) {
      await create({ taskId: id(name), creator: "alice", event: newEvent(id(`of ${name}`)) });
    }
    for (const owner of [{}, { owner: "alice" }]) {
      const first = await store.countAgent({ agent, ...owner, maxScanned: 2 });
      expect(first).toEqual({ unfinishedTasks: 2, pendingEvents: 2, next: id("b") });
      const rest = await store.countAgent({ agent, ...owner, after: id("b"), maxScanned: 2 });
      expect(rest).toEqual({ unfinishedTasks: 1, pendingEvents: 1 });
    }
  });
}

/** Reads a list to its end. */
async function through(
  read: (before: Pick<ListTasks, "before">) => Promise<TaskPage>,
): Promise<TaskRecord[]> {
  const found: TaskRecord[] = [];
  let before: PlaceOfTask | undefined;
  do {
    const { items, next } = await read(before === undefined ? {} : { before });
    found.push(...items);
    before = next;
  } while (before !== undefined);
  return found;
}
