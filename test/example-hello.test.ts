import { expect, it } from "vitest";
import hello from "../examples/hello.ts";
import { EventState } from "../src/proto.ts";
import { isEvent, startRig } from "./agents/rig.ts";

it("the hello example says hello", async () => {
  await using rig = await startRig({}, { agents: [hello] });
  const { task } = await rig.tasks.create({ agent: "hello", event: "Ada" });
  await rig.until(task.id, isEvent(EventState.PROCESSED));
  expect(await rig.texts(task.id)).toEqual(["Hello, Ada!"]);
});
