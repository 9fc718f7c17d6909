import { toJson } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import order from "../examples/state-machine.ts";
import { EventState, EventWait, MessageSchema } from "../src/proto.ts";
import { collect, startRig } from "./agents/rig.ts";

it("the state-machine example goes where the table says, and nowhere else", async () => {
  await using rig = await startRig({}, { agents: [order] });
  const { task } = await rig.tasks.create({ agent: "order" });
  for (const type of ["ship", "pay", "pay", "ship", "deliver"])
    await rig.tasks.send(task.id, "now", { type });
  await rig.end(task.id);
  const messages = await collect(rig.tasks.messages(task.id));
  expect(messages.flatMap((message) => toJson(MessageSchema, message).parts)).toEqual([
    { data: { state: "placed" } },
    { text: 'An order that is placed takes pay or abandon, not "ship".' },
    { data: { state: "paid", from: "placed" } },
    { text: 'An order that is paid takes ship or refund, not "pay".' },
    { data: { state: "shipped", from: "paid" } },
    { data: { state: "delivered", from: "shipped" } },
  ]);
  expect((await rig.tasks.get(task.id)).statusReason).toBe("delivered");
  expect((await rig.tasks.state(task.id)).state).toEqual({ state: "delivered" });
});

it("the state-machine example takes no event for a transition because every object has something of its name", async () => {
  await using rig = await startRig({}, { agents: [order] });
  const { task } = await rig.tasks.create({ agent: "order" });
  const sent = await rig.tasks.send(task.id, "now", { type: "constructor", wait: EventWait.PROCESSED });
  expect(sent.event).toMatchObject({ state: EventState.PROCESSED, attempt: 1 });
  expect((await rig.texts(task.id)).at(-1)).toBe(
    'An order that is placed takes pay or abandon, not "constructor".',
  );
});
