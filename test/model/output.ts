import { MessageState } from "../../src/proto.ts";
import type { OutputEntry } from "../../src/server/store/calls.ts";
import type { Millis } from "../../src/server/store/records.ts";
import type { ModelTask, Work } from "./state.ts";

/** Shows what the running turn of a work shows. */
export function show(task: ModelTask, work: Work, output: readonly OutputEntry[], now: Millis): void {
  const shown = (id: string) => task.messages.find((message) => message.id === id);
  for (const entry of output) {
    if (entry.kind === "message") {
      const state = entry.done ? MessageState.DONE : MessageState.STREAMING;
      const text = new TextDecoder().decode(entry.content);
      const by = { turn: work.turn?.number ?? 0, eventId: work.events[0]?.id, attempt: work.attempt };
      task.messages.push({ id: entry.id, ...by, state, text, deltas: 0 });
    } else if (entry.kind === "delta") {
      const message = shown(entry.delta.messageId);
      if (message === undefined) continue;
      message.text += entry.delta.text;
      message.deltas += 1;
    } else {
      const message = shown(entry.id);
      if (message !== undefined) Object.assign(message, { state: MessageState.DONE, doneTime: now });
    }
  }
}
