import { toJson } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import calculator from "../examples/tools.ts";
import { EventState, EventWait, MessageSchema } from "../src/proto.ts";
import { collect, isEvent, startRig } from "./agents/rig.ts";

it("the tools example shows each call and what came of it", async () => {
  await using rig = await startRig({}, { agents: [calculator] });
  const { task } = await rig.tasks.create({ agent: "calculator" });
  let last = 0n;
  for (const line of ["17 * 4 - 8", "1 / 0", "one plus one"])
    last = (await rig.tasks.send(task.id, line)).event.sequence;
  await rig.until(task.id, isEvent(EventState.PROCESSED, last));
  const messages = await collect(rig.tasks.messages(task.id));
  expect(messages.map((message) => toJson(MessageSchema, message).parts)).toEqual([
    [
      { toolRequest: { id: "call-1", name: "multiply", arguments: { a: 17, b: 4 } } },
      { toolResponse: { id: "call-1", name: "multiply", result: 68 } },
      { toolRequest: { id: "call-2", name: "subtract", arguments: { a: 68, b: 8 } } },
      { toolResponse: { id: "call-2", name: "subtract", result: 60 } },
      { text: "17 * 4 - 8 makes 60." },
    ],
    [
      { toolRequest: { id: "call-1", name: "divide", arguments: { a: 1, b: 0 } } },
      {
        toolResponse: { id: "call-1", name: "divide", result: "RangeError: division by zero", isError: true },
      },
      { text: "That cannot be calculated." },
    ],
    [{ text: "Write numbers and + - * / with spaces between them." }],
  ]);
});

it("the tools example tells what it takes to whoever writes something else", async () => {
  await using rig = await startRig({}, { agents: [calculator] });
  const { task } = await rig.tasks.create({ agent: "calculator" });
  const mistakes = ["one", "1 constructor 2", "1e999 * 2", "2 *", { data: { a: 1 } }];
  for (const mistake of mistakes) {
    const { event } = await rig.tasks.send(task.id, mistake, { wait: EventWait.PROCESSED });
    expect(event).toMatchObject({ state: EventState.PROCESSED, attempt: 1 });
  }
  expect(await rig.texts(task.id)).toEqual(
    mistakes.map(() => "Write numbers and + - * / with spaces between them."),
  );
});
