import { expect, it } from "vitest";
import agents from "../examples/two-agents.ts";
import { EventState } from "../src/proto.ts";
import { collect, startRig } from "./agents/rig.ts";

it("the two-agents example passes on what the other agent answers, and tells when it cannot", async () => {
  await using rig = await startRig({}, { agents });
  const { task } = await rig.tasks.create({ agent: "concierge", event: "Something about pigeons?" });
  await settled(2);
  await rig.tasks.send(task.id, "Something about snails?");
  await settled(3);
  expect(await rig.texts(task.id)).toEqual([
    "I have somebody look that up: Something about pigeons?",
    'The librarian says: "The Homing Instinct", shelf 4',
    "I have somebody look that up: Something about snails?",
    'Nobody could answer "Something about snails?".',
  ]);
  const children = await collect(rig.tasks.list({ parentTaskId: task.id }));
  expect(children.map(({ statusReason }) => statusReason)).toEqual(["there is no such book", "answered"]);
  expect(rig.logged).toEqual([]);

  /** Waits until so many events of other agents have been handled: an answer and an end, or an end alone. */
  async function settled(count: number): Promise<void> {
    const others = new Set<string>();
    let handled = 0;
    await rig.until(task.id, ({ entry }) => {
      if (entry.case !== "event") return false;
      const { id, type, state } = entry.value;
      if (state === EventState.QUEUED && type !== "") others.add(id);
      if (state === EventState.PROCESSED && others.has(id)) handled += 1;
      return handled === count;
    });
  }
});
