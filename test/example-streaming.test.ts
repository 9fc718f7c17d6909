import { toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import storyteller from "../examples/streaming.ts";
import { EventState, MessageSchema } from "../src/proto.ts";
import { collect, failuresIn, isEvent, startRig } from "./agents/rig.ts";

const story = (subject: string) =>
  `Once there was ${subject}. It waited in its pigeonhole, and nobody lost it.`;

describe("the streaming example", () => {
  it("shows reasoning, text and data as one message that grows", async () => {
    await using rig = await startRig({}, { agents: [storyteller] });
    const { task } = await rig.tasks.create({ agent: "storyteller", event: "a letter" });
    const log = await rig.until(task.id, isEvent(EventState.PROCESSED));
    expect(log.filter(({ entry }) => entry.case === "delta").length).toBeGreaterThan(3);
    const [message] = await collect(rig.tasks.messages(task.id));
    expect(message && toJson(MessageSchema, message).parts).toEqual([
      { reasoning: "It should be short, and it should end well." },
      { text: story("a letter") },
      { data: { words: 14 } },
    ]);
  });

  it("leaves one clean answer of two attempts", async () => {
    await using rig = await startRig({}, { agents: [storyteller] });
    const { task } = await rig.tasks.create({ agent: "storyteller", event: "stumble" });
    const log = await rig.until(task.id, isEvent(EventState.PROCESSED));
    expect(failuresIn(log)).toEqual(["1: HANDLER_FAILED, Error: lost the thread"]);
    const messages = await collect(rig.tasks.messages(task.id));
    expect(messages.map(({ parts }) => parts[1]?.content.value)).toEqual([story("stumble")]);
  });
});
