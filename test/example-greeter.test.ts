import { toJson } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import greeter from "../examples/greeter.ts";
import { MessageSchema, TaskState } from "../src/proto.ts";
import { collect, startRig } from "./agents/rig.ts";

it("the greeter greets, answers word by word, counts, and says goodbye or stops", async () => {
  await using rig = await startRig({}, { agents: [greeter] });
  const { task } = await rig.tasks.create({ agent: "greeter", params: { who: "Ada" }, event: "hi" });
  await rig.tasks.send(task.id, "bye");
  const log = await rig.end(task.id);
  expect(log.filter(({ entry }) => entry.case === "delta").length).toBeGreaterThan(5);
  const messages = await collect(rig.tasks.messages(task.id));
  expect(messages.map((message) => toJson(MessageSchema, message).parts)).toEqual([
    [{ text: 'Hello, Ada. Tell me something, or say "bye".' }],
    [{ text: "hi" }],
    [{ reasoning: "Answer 1: they wrote 2 characters." }, { text: "You said: hi. Go on, I am listening. " }],
    [{ text: "bye" }],
    [{ reasoning: "Answer 2: they wrote 3 characters." }, { text: "Goodbye. It was good to talk to you. " }],
  ]);

  const cancelled = await rig.tasks.create({ agent: "greeter", event: "A long story" });
  await rig.until(cancelled.task.id, ({ entry }) => entry.case === "delta");
  await rig.tasks.cancel(cancelled.task.id, { reason: "enough" });
  await rig.end(cancelled.task.id);
  expect((await rig.texts(cancelled.task.id)).at(-1)).toBe("I stop here (enough).");
  expect((await rig.tasks.get(cancelled.task.id)).state).toBe(TaskState.CANCELLED);
});
