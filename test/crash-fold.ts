import { clone } from "@bufbuild/protobuf";
import {
  type Event,
  EventSchema,
  type Message,
  MessageSchema,
  MessageState,
  type Task,
  type TaskUpdate,
} from "../src/proto.ts";

/** What a log comes to: the task, its mailbox and its conversation. */
export interface Folded {
  task: Task | undefined;
  events: Event[];
  messages: Message[];
}

/** Applies the entries of a log in their order. Written from the protocol's words alone, to check the client's fold and the server's lists. */
export function foldLog(log: TaskUpdate[]): Folded {
  let task: Task | undefined;
  const events = new Map<string, Event>();
  const messages = new Map<string, Message>();
  for (const { entry } of log) {
    switch (entry.case) {
      case "task":
        task = entry.value;
        break;
      case "event": {
        const event = clone(EventSchema, entry.value);
        const known = events.get(event.id);
        if (event.parts.length > 0) events.delete(event.id);
        else if (known !== undefined) {
          const { type, sender, parts, metadata, onBusy, answers } = known;
          Object.assign(event, { type, sender, parts, onBusy, answers }, metadata && { metadata });
        }
        events.set(event.id, event);
        break;
      }
      case "message": {
        const begun = messages.get(entry.value.id);
        const message = clone(MessageSchema, entry.value);
        if (begun !== undefined && message.parts.length === 0) message.parts = begun.parts;
        messages.set(message.id, message);
        break;
      }
      case "delta":
        applyDelta(messages.get(entry.value.messageId), entry.value);
        break;
      case "superseded":
        for (const id of entry.value.messageIds) messages.delete(id);
        break;
    }
  }
  return { task, events: [...events.values()], messages: [...messages.values()] };
}

type Delta = Extract<TaskUpdate["entry"], { case: "delta" }>["value"];

function applyDelta(message: Message | undefined, { messageId, partIndex, change }: Delta): void {
  if (message?.state !== MessageState.STREAMING) {
    throw new Error(`a delta came for message ${messageId}, which is not streaming`);
  }
  if (change.case === "part") {
    message.parts[partIndex] = change.value;
    return;
  }
  const part = message.parts[partIndex];
  const { content } = part ?? {};
  if (part === undefined || (content?.case !== "text" && content?.case !== "reasoning")) {
    throw new Error(`a delta appends text to part ${partIndex} of message ${messageId}, which has none`);
  }
  message.parts[partIndex] = { ...part, content: { ...content, value: content.value + change.value } };
}
