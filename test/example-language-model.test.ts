import { toJson } from "@bufbuild/protobuf";
import { describe, expect, it, vi } from "vitest";
import {
  CancelOutcome,
  EventState,
  EventWait,
  MessageAuthor,
  MessageSchema,
  OnBusy,
  TaskState,
} from "../src/proto.ts";
import type { Agent } from "../src/server/index.ts";
import { collect, isEvent, type Rig, startRig } from "./agents/rig.ts";

// Whoever runs the tests may have a key: it is not theirs to be spent here.
vi.stubEnv("OPENAI_API_KEY", undefined);
const { default: assistant } = await import("../examples/language-model.ts");

describe("the language-model example, by a script", () => {
  it("streams reasoning, tool calls and text as parts of one message, and remembers the conversation", async () => {
    await using rig = await startRig({}, { agents: [assistant] });
    const { task } = await rig.tasks.create({ agent: "assistant", event: "What is the weather in Berlin?" });
    const { event } = await rig.tasks.send(task.id, "Thanks!", { onBusy: OnBusy.QUEUE });
    const log = await rig.until(task.id, isEvent(EventState.PROCESSED, event.sequence));
    expect(log.filter(({ entry }) => entry.case === "delta").length).toBeGreaterThan(5);
    expect(await answers(rig, task.id)).toEqual([
      [
        { reasoning: "They want to know about Berlin, so I look." },
        { toolRequest: { id: "call-2", name: "weather", arguments: { city: "Berlin" } } },
        {
          toolResponse: {
            id: "call-2",
            name: "weather",
            result: { city: "Berlin", celsius: 14, sky: "clear" },
          },
        },
        { text: 'It is as follows: {"city":"Berlin","celsius":14,"sky":"clear"}.' },
      ],
      [{ text: expect.stringMatching(/^You have spoken to me 2 times/) }],
    ]);
  });

  it("shows a tool that fails, and goes on", async () => {
    await using rig = await startRig({}, { agents: [assistant] });
    const { task } = await rig.tasks.create({ agent: "assistant", event: "The weather in Atlantis?" });
    await rig.until(task.id, isEvent(EventState.PROCESSED));
    const [, , response, text] = (await answers(rig, task.id))[0] ?? [];
    expect(response).toMatchObject({
      toolResponse: { isError: true, result: "Error: there is no such city" },
    });
    expect(text).toEqual({ text: "I could not find out." });
  });

  it("takes what the user adds into the answer that is being written", async () => {
    await using rig = await startRig({}, { agents: [assistant] });
    const { task } = await rig.tasks.create({ agent: "assistant", event: "Hello" });
    await rig.until(task.id, ({ entry }) => entry.case === "delta");
    const { event } = await rig.tasks.send(task.id, "And the weather in Oslo?");
    await rig.until(task.id, isEvent(EventState.PROCESSED, event.sequence));
    const all = await answers(rig, task.id);
    expect(all).toHaveLength(1);
    expect(JSON.stringify(all)).toMatch(/You have spoken.*about Oslo.*It is as follows.*Oslo/);
  });

  it("answers all that the user adds, however often", async () => {
    const allSent = Promise.withResolvers<void>();
    const patient: Agent = {
      ...assistant,
      async onTaskEventSend(ctx, event) {
        await allSent.promise;
        await assistant.onTaskEventSend?.(ctx, event);
      },
    };
    await using rig = await startRig({}, { agents: [patient] });
    const { task } = await rig.tasks.create({ agent: "assistant", event: "Hello" });
    // More than an answer takes, which is ten in each of its steps.
    let last = 0n;
    for (let added = 1; added <= 72; added++)
      last = (await rig.tasks.send(task.id, `And ${added}?`)).event.sequence;
    allSent.resolve();
    await rig.until(task.id, isEvent(EventState.PROCESSED, last));
    const counts = JSON.stringify(await answers(rig, task.id)).matchAll(/spoken to me (\d+) times/g);
    expect([...counts].map(([, count]) => Number(count))).toEqual([1, 11, 21, 31, 41, 51, 61, 71, 72, 73]);
  });

  it("forgets what is too long to be remembered, and goes on", async () => {
    await using rig = await startRig({}, { agents: [assistant] });
    const { task } = await rig.tasks.create({ agent: "assistant" });
    for (const text of ["long ".repeat(60_000), "Hello"]) {
      const { event } = await rig.tasks.send(task.id, text, { wait: EventWait.PROCESSED });
      expect(event).toMatchObject({ state: EventState.PROCESSED, attempt: 1 });
    }
    expect(await answers(rig, task.id)).toEqual(
      Array(2).fill([{ text: expect.stringMatching(/^You have spoken to me 1 times/) }]),
    );
  });

  it("stops the model at an interrupt and at a cancel", async () => {
    await using rig = await startRig({}, { agents: [assistant] });
    const { task } = await rig.tasks.create({ agent: "assistant", event: "Hello" });
    await rig.until(task.id, ({ entry }) => entry.case === "delta");
    await rig.tasks.interrupt(task.id);
    await rig.until(task.id, isEvent(EventState.DROPPED));
    expect(await answers(rig, task.id)).toEqual([]);
    const { event } = await rig.tasks.send(task.id, "Hello again");
    await rig.until(task.id, isEvent(EventState.PROCESSING, event.sequence));
    await rig.tasks.cancel(task.id);
    await rig.end(task.id);
    const { state, cancellation } = await rig.tasks.get(task.id);
    // The handler has settled within its grace, because the signal ended the call of the model.
    expect({ state, outcome: cancellation?.outcome }).toEqual({
      state: TaskState.CANCELLED,
      outcome: CancelOutcome.STOPPED,
    });
    expect(rig.logged).toEqual([]);
  });
});

/** The parts of the agent's messages. */
async function answers(rig: Rig, taskId: string) {
  const messages = await collect(rig.tasks.messages(taskId));
  return messages
    .filter(({ author }) => author === MessageAuthor.AGENT)
    .map((message) => toJson(MessageSchema, message).parts ?? []);
}
