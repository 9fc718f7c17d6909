import { toJson } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import order from "../examples/state-machine.ts";
import { MessageSchema } from "../src/proto.ts";
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
