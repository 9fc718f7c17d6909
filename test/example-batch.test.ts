import { expect, it } from "vitest";
import digest from "../examples/batch.ts";
import { EventState } from "../src/proto.ts";
import { collect, isEvent, startRig } from "./agents/rig.ts";
import { createHaltingClock } from "./halting-clock.ts";

it("the batching example tells of many alerts at once, and of the rest soon", async () => {
  const clock = createHaltingClock();
  await using rig = await startRig({}, { agents: [digest], clock });
  // All of them come within half a second, however busy the machine is.
  clock.halt();
  const { task } = await rig.tasks.create({ agent: "digest" });
  for (let n = 0; n < 21; n++) await rig.tasks.send(task.id, n % 2 === 0 ? "disk full" : "node down");
  const { event } = await rig.tasks.send(task.id, "node down");
  clock.go();
  await rig.until(task.id, isEvent(EventState.PROCESSED, event.sequence));
  const texts = await rig.texts(task.id);
  expect(texts[0]).toBe("20 alerts: 10 x disk full, 10 x node down");
  expect((await rig.tasks.state(task.id)).state).toEqual({ told: 22 });
  const events = await collect(rig.tasks.events(task.id));
  expect(events.map(({ attempt }) => attempt)).toEqual(Array(22).fill(1));
});
