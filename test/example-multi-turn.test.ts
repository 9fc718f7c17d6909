import { join } from "node:path";
import { expect, it } from "vitest";
import list from "../examples/multi-turn.ts";
import { EventState, EventWait, MessageAuthor } from "../src/proto.ts";
import { collect, isEvent, startRig } from "./agents/rig.ts";
import { tempDir } from "./temp-dir.ts";

it("the multi-turn example remembers from turn to turn, over a restart", async () => {
  const store = `sqlite:${join(tempDir(), "list.db")}`;
  const options = { agents: [list], store };
  const { id } = await firstHalf();
  await using rig = await startRig({}, options);
  for (const line of ["remove tea", "list", "what?", "done"]) await rig.tasks.send(id, line);
  await rig.end(id);
  const messages = await collect(rig.tasks.messages(id));
  const said = messages.filter(({ author }) => author === MessageAuthor.AGENT);
  expect(said.map(({ parts }) => parts[0]?.content.value)).toEqual([
    'What do you need? "add milk" puts milk on the list.',
    "Added milk.",
    "Added tea.",
    "milk is on the list already.",
    "Removed tea.",
    "milk",
    'I do not understand "what?".',
    "milk",
  ]);
  expect((await rig.tasks.get(id)).statusReason).toBe("1 things for Ada");

  async function firstHalf() {
    await using rig = await startRig({}, options);
    const { task } = await rig.tasks.create({ agent: "shopping-list", params: { who: "Ada" } });
    let last = 0n;
    for (const line of ["add milk", "add tea", "add milk"])
      last = (await rig.tasks.send(task.id, line)).event.sequence;
    await rig.until(task.id, isEvent(EventState.PROCESSED, last));
    return task;
  }
});

it.each([
  ["A".repeat(2000), "A".repeat(100)],
  // Where the name is cut, there is half of a surrogate pair.
  [`${"A".repeat(99)}\u{1f600}`, `${"A".repeat(99)}\ufffd`],
])("the multi-turn example ends also for somebody with a long name (%#)", async (who, shown) => {
  await using rig = await startRig({}, { agents: [list] });
  const params = { who };
  const { task } = await rig.tasks.create({ agent: "shopping-list", params });
  const { event } = await rig.tasks.send(task.id, "done", { wait: EventWait.PROCESSED });
  expect(event).toMatchObject({ state: EventState.PROCESSED, attempt: 1 });
  expect((await rig.tasks.get(task.id)).statusReason).toBe(`0 things for ${shown}`);
});

it("the multi-turn example says what its list has no room for", async () => {
  await using rig = await startRig({}, { agents: [list] });
  const { task } = await rig.tasks.create({ agent: "shopping-list" });
  for (const line of [`add ${"m".repeat(300_000)}`, "add milk"]) {
    const { event } = await rig.tasks.send(task.id, line, { wait: EventWait.PROCESSED });
    expect(event).toMatchObject({ state: EventState.PROCESSED, attempt: 1 });
  }
  expect((await rig.texts(task.id)).filter((text) => !text.startsWith("add"))).toEqual([
    'What do you need? "add milk" puts milk on the list.',
    "The list has no room for that.",
    "Added milk.",
  ]);
});
