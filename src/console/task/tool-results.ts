import type { Message, ToolResponse } from "../../proto.ts";

/** What tools answered, by the id of the request. */
export type ToolResults = ReadonlyMap<string, ToolResponse>;

/**
 * Finds what each tool answered, so that it can be shown with the request. Messages that hold nothing but such answers are left out.
 */
export function pairTools(messages: readonly Message[]): {
  messages: readonly Message[];
  results: ToolResults;
} {
  const requested = new Set<string>();
  const results = new Map<string, ToolResponse>();
  for (const { parts } of messages) {
    for (const { content } of parts) {
      if (content.case === "toolRequest") requested.add(content.value.id);
      if (content.case === "toolResponse" && requested.has(content.value.id))
        results.set(content.value.id, content.value);
    }
  }
  if (results.size === 0) return { messages, results };
  const isPaired = ({ content }: Message["parts"][number]) =>
    content.case === "toolResponse" && results.get(content.value.id) === content.value;
  return { messages: messages.filter(({ parts }) => parts.length === 0 || !parts.every(isPaired)), results };
}
