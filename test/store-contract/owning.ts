import { expect, it } from "vitest";
import type { CreateWebhook } from "../../src/server/store/webhook-records.ts";
import { at, newEvent, reasonOf, type Scene } from "./scene.ts";

const spec = { cron: "* * * * *", timeZone: "UTC", missed: "latest", overlap: "allow" } as const;

export function describeOwning(scene: () => Scene): void {
  it("createTask keeps who makes it as its owner, or its parent's owner", async () => {
    const here = scene();
    const { task } = await here.create({ creator: "alice" });
    expect(task.owner).toBe("alice");
    expect(await here.task()).toMatchObject({ owner: "alice" });
    const taskId = here.id("child");
    const child = await here.create({ taskId, creator: "worker", parentTaskId: here.id("task") });
    expect(child.task.owner).toBe("alice");
    const servers = await here.create({ taskId: here.id("servers") });
    expect(servers.task).not.toHaveProperty("owner");
  });

  it("names and request ids are an owner's own, and go with their task", async () => {
    const here = scene();
    const { id, store } = here;
    const named = { name: id("name"), request: { id: id("request"), fingerprint: "f" } };
    const first = await here.create({ ...named, creator: "alice" });
    const second = await here.create({ ...named, taskId: id("other"), creator: "bob" });
    const third = await here.create({ ...named, taskId: id("third") });
    expect([first, second, third].map(({ created, duplicate }) => [created, duplicate])).toEqual([
      [true, false],
      [true, false],
      [true, false],
    ]);
    const again = await here.create({ ...named, taskId: id("again"), creator: "bob" });
    expect(again).toMatchObject({ duplicate: true, task: { id: id("other"), owner: "bob" } });
    const idOf = async (owner?: string) =>
      (await store.getTask({ name: id("name"), ...(owner !== undefined && { owner }) }))?.id;
    expect(await idOf("alice")).toBe(id("task"));
    expect(await idOf("bob")).toBe(id("other"));
    expect(await idOf("")).toBe(id("third"));
    expect(await idOf("carol")).toBeUndefined();
    expect(await idOf()).toBeDefined();
    const turn = await here.turn({ taskId: id("other") });
    await here.commit(turn.turn, { taskId: id("other"), outcome: { kind: "complete" } });
    await store.deleteTask({ taskId: id("other"), now: at(1) });
    const anew = await here.create({ ...named, taskId: id("anew"), creator: "bob" });
    expect(anew).toMatchObject({ created: true, duplicate: false });
  });

  it("listTasks and countAgent are of an owner, the server, or all", async () => {
    const here = scene();
    const { id, store, agent } = here;
    await here.create({ creator: "alice" });
    await here.create({ taskId: id("bobs"), creator: "bob" });
    await here.create({ taskId: id("servers") });
    const listed = async (owner?: string) => {
      const filter = owner === undefined ? {} : { owner };
      const page = await here.list(filter);
      const { unfinishedTasks } = await store.countAgent({ agent, ...filter, maxScanned: 1e6 });
      return [here.names(page.items).sort(), unfinishedTasks];
    };
    expect(await listed("alice")).toEqual([["task"], 1]);
    expect((await listed(""))[0]).toEqual(["servers"]);
    expect(await listed("carol")).toEqual([[], 0]);
    expect(await listed()).toEqual([["bobs", "servers", "task"], 3]);
  });

  it("a task that a turn makes has its owner, and looks for names there", async () => {
    const here = scene();
    await here.create({ creator: "alice" });
    await here.create({ taskId: here.id("bobs"), name: here.id("sub"), creator: "bob" });
    const { turn } = await here.turn();
    const task = {
      taskId: here.id("sub"),
      name: here.id("sub"),
      agent: here.agent,
      labels: {},
      parentTaskId: here.id("task"),
    };
    await here.commit(turn, { followUps: [{ kind: "create", task }] });
    expect(await here.task(here.id("sub"))).toMatchObject({ owner: "alice" });
  });

  it("schedules have names, request ids and limits of their owner's, and make its tasks", async () => {
    const { store, agent, id } = scene();
    const schedule = (owner: string) => ({
      ...{ owner, name: id("daily"), agent, id: id(`definition-${owner}`), spec, action: { labels: {} } },
      ...{ nextTime: at(1000), paused: false, limit: 1, now: at(0) },
      request: { id: id("request"), fingerprint: owner },
    });
    const [alice, bob] = [id("alice"), id("bob")];
    expect(await store.createSchedule(schedule(alice))).toMatchObject({ owner: alice });
    expect(await store.createSchedule(schedule(bob))).toMatchObject({ owner: bob });
    const second = { ...schedule(bob), name: id("second"), request: { id: id("more"), fingerprint: "" } };
    expect(await reasonOf(store.createSchedule(second))).toBe("LIMIT_REACHED");
    expect(await store.getSchedule({ name: id("daily") })).toBeUndefined();
    await store.pauseSchedule({ owner: alice, name: id("daily"), now: at(1) });
    expect(await store.getSchedule({ name: id("daily"), owner: alice })).toMatchObject({ paused: true });
    expect(await store.getSchedule({ name: id("daily"), owner: bob })).toMatchObject({ paused: false });
    const page = { agent, limit: 1, maxBytes: 1e6 };
    const first = await store.listSchedules(page);
    expect(first).toMatchObject({ items: [{ owner: alice }], more: true });
    expect(await store.listSchedules({ ...page, after: { owner: alice, name: id("daily") } })).toMatchObject({
      ...{ items: [{ owner: bob }], more: false },
    });
    expect(await store.listSchedules({ ...page, owner: bob })).toMatchObject({
      items: [{ owner: bob }],
      more: false,
    });
    const task = { taskId: id("fired"), creator: bob, agent, labels: {}, event: newEvent(id("e")) };
    const fired = await store.fireSchedule({
      ...{ owner: bob, name: id("daily"), id: id(`definition-${bob}`), expectedTime: at(1000) },
      ...{ firings: [{ time: at(1000), task }], skipped: 0, settledTime: at(1000), now: at(1000) },
    });
    expect(fired).toMatchObject({ fired: true, taskIds: [id("fired")] });
    expect(await store.getTask({ id: id("fired") })).toMatchObject({ owner: bob });
    expect(await store.getSchedule({ name: id("daily"), owner: bob })).toMatchObject({ fired: 1 });
    for (const owner of [alice, bob]) await store.deleteSchedule({ name: id("daily"), owner });
    expect(await store.getSchedule({ name: id("daily"), owner: bob })).toBeUndefined();
  });

  it("a webhook of an agent posts the tasks of those whose it is to post", async () => {
    const here = scene();
    const { store, agent, id } = here;
    const [alice, bob] = [id("alice"), id("bob")];
    const make = (name: string, args: Partial<CreateWebhook>) =>
      store.createWebhook({
        ...{ id: id(name), url: "https://example.com", source: { agent }, kinds: ["task"], secret: "s" },
        ...{ maxWebhooks: 1, now: at(0), ...args },
      });
    expect(await make("hers", { owner: alice, tasksOf: alice })).toMatchObject({ owner: alice });
    await make("everybodys", { owner: bob });
    expect(await reasonOf(make("more", { owner: bob }))).toBe("LIMIT_REACHED");
    await here.create({ creator: alice });
    await here.create({ taskId: id("bobs"), creator: bob });
    const { due } = await store.dueDeliveries({ now: at(0), except: [], maxWebhooks: 1e4, maxTasks: 10 });
    const tasksOf = (name: string) => due.find(({ webhookId }) => webhookId === id(name))?.taskIds;
    expect(tasksOf("hers")).toEqual([id("task")]);
    expect(tasksOf("everybodys")).toEqual([id("bobs"), id("task")]);
    expect((await store.listWebhooks({ owner: alice, limit: 10 })).items).toMatchObject([{ id: id("hers") }]);
    for (const name of ["hers", "everybodys"]) await store.deleteWebhook(id(name));
  });
}
