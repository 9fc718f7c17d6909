import { create } from "@bufbuild/protobuf";
import { type Delta, type Message, MessageState, type Part, PartSchema } from "../proto.ts";

/** The messages of a conversation, in its order. */
export type Messages = readonly Message[];

/**
 * Applies the entry that begins a message, sends it whole, or ends it.
 *
 * Parts that the entry has replace what deltas have told: a log whose deltas were compacted has the whole message instead.
 */
export function applyMessage(messages: Messages, message: Message): Messages {
  if (message.state === MessageState.SUPERSEDED) return withoutMessages(messages, [message.id]);
  // By its place: the id of a new message would be looked for among all that there are.
  const index = messages.findLastIndex(({ sequence }) => sequence <= message.sequence);
  const known = messages[index];
  if (known?.id !== message.id) return messages.toSpliced(index + 1, 0, message);
  const parts = message.parts.length > 0 ? message.parts : known.parts;
  return messages.with(index, { ...message, parts });
}

/** Applies an addition to a streaming message. */
export function applyDelta(messages: Messages, delta: Delta): Messages {
  const index = messages.findLastIndex(({ id }) => id === delta.messageId);
  const message = messages[index];
  if (message === undefined) return messages;
  const part = grow(message.parts[delta.partIndex], delta);
  if (part === undefined) return messages;
  const parts = [...message.parts];
  parts[delta.partIndex] = part;
  return messages.with(index, { ...message, parts });
}

/** Leaves out messages that are void. */
export function withoutMessages(messages: Messages, ids: readonly string[]): Messages {
  const rest = messages.filter(({ id }) => !ids.includes(id));
  return rest.length === messages.length ? messages : rest;
}

function grow(part: Part | undefined, { change }: Delta): Part | undefined {
  switch (change.case) {
    case "part":
      return change.value;
    case "appendText":
      return appendText(part, change.value);
    case undefined:
      return undefined;
  }
}

function appendText(part: Part | undefined, text: string): Part | undefined {
  if (part === undefined) return create(PartSchema, { content: { case: "text", value: text } });
  switch (part.content.case) {
    case "text":
      return { ...part, content: { case: "text", value: part.content.value + text } };
    case "reasoning":
      return { ...part, content: { case: "reasoning", value: part.content.value + text } };
    default:
      return undefined;
  }
}
