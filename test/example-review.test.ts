import { expect, it } from "vitest";
import agents from "../examples/review.ts";
import { TaskState } from "../src/proto.ts";
import type { Agent } from "../src/server/index.ts";
import { collect, startRig } from "./agents/rig.ts";

it("the review example has a text written and reviewed until it is approved", async () => {
  await using rig = await startRig({}, { agents });
  const { task } = await rig.tasks.create({ agent: "editor", event: "Order" });
  await rig.end(task.id);
  expect((await rig.tasks.get(task.id)).statusReason).toBe("approved");
  expect(await rig.texts(task.id)).toEqual([
    "For the reviewer: Order matters.",
    "For the writer: It needs an example.",
    "For the reviewer: Order matters. For example, it came up today.",
    "Order matters. For example, it came up today.",
  ]);
  const children = await collect(rig.tasks.list({ parentTaskId: task.id }));
  expect(children.map(({ agent }) => agent).sort()).toEqual(["reviewer", "writer"]);
  for (const { id } of children) {
    await rig.end(id);
    expect((await rig.tasks.get(id)).state).toBe(TaskState.CANCELLED);
  }
  expect(rig.logged).toEqual([]);
});

it("the review example keeps to its text when it is told of another one", async () => {
  const told = Promise.withResolvers<void>();
  const patient = agents.map((agent): Agent => {
    if (agent.name !== "writer") return agent;
    return {
      ...agent,
      async onTaskEventSend(ctx, event) {
        await told.promise;
        await agent.onTaskEventSend?.(ctx, event);
      },
    };
  });
  await using rig = await startRig({}, { agents: patient });
  const { task } = await rig.tasks.create({ agent: "editor", event: "Order" });
  await rig.tasks.send(task.id, "Chaos");
  told.resolve();
  await rig.end(task.id);
  const texts = await rig.texts(task.id);
  expect(texts).toContain("I am at a text already. Another one is another task.");
  expect(texts.at(-1)).toBe("Order matters. For example, it came up today.");
});
