import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { EventInputSchema, PartSchema } from "../../proto.ts";
import type { AgentEvent } from "../agent.ts";
import type { EventRecord } from "../store/records.ts";

/** Makes what a handler sees of an event. */
export function agentEvent(record: EventRecord): AgentEvent {
  const input = fromBinary(EventInputSchema, record.content ?? new Uint8Array());
  const parts = input.parts.map((part) => toJson(PartSchema, part));
  const metadata: JsonObject = input.metadata ?? {};
  return {
    id: record.id,
    sequence: record.sequence,
    type: input.type,
    sender: input.sender,
    parts,
    text: parts.flatMap(({ text }) => text ?? []).join("\n"),
    metadata,
    answers: input.answers,
    createTime: new Date(record.createTime),
  };
}
