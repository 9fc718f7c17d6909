import { expect, it } from "vitest";
import guide from "../examples/steering.ts";
import { EventState, MessageAuthor } from "../src/proto.ts";
import { collect, isEvent, startRig } from "./agents/rig.ts";

it("the steering example turns its answer to what is added while it is written", async () => {
  await using rig = await startRig({}, { agents: [guide] });
  const { task } = await rig.tasks.create({ agent: "guide", event: "Rome" });
  await rig.until(task.id, ({ entry }) => entry.case === "delta");
  const { event } = await rig.tasks.send(task.id, "Oslo");
  await rig.until(task.id, isEvent(EventState.PROCESSED, event.sequence));
  const messages = await collect(rig.tasks.messages(task.id));
  const answers = messages.filter(({ author }) => author === MessageAuthor.AGENT);
  expect(answers).toHaveLength(1);
  const texts = await rig.texts(task.id);
  expect(texts.toSorted()[0]).toBe("Oslo");
  expect(texts.join()).toMatch(/The streets of Rome\. .*Oh, Oslo! .*The nights of Oslo\./);
});
