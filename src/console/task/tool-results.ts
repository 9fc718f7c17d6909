import type { Message, ToolRequest, ToolResponse } from "../../proto.ts";

/** What tools answered. */
export interface ToolResults {
  /** The response to each request that has one. */
  readonly responses: ReadonlyMap<ToolRequest, ToolResponse>;
  /** These responses, which are shown with their requests. */
  readonly paired: ReadonlySet<ToolResponse>;
}

/**
 * Finds what each tool answered, so that it can be shown with the request. Messages that hold nothing but such answers are left out.
 *
 * A response is that to the last request of its id before it: an agent may count its requests anew in every turn.
 */
export function pairTools(messages: readonly Message[]): {
  messages: readonly Message[];
  results: ToolResults;
} {
  const open = new Map<string, ToolRequest>();
  const responses = new Map<ToolRequest, ToolResponse>();
  for (const { parts } of messages) {
    for (const { content } of parts) {
      if (content.case === "toolRequest") open.set(content.value.id, content.value);
      if (content.case !== "toolResponse") continue;
      const request = open.get(content.value.id);
      if (request !== undefined) responses.set(request, content.value);
      open.delete(content.value.id);
    }
  }
  const paired = new Set(responses.values());
  const results = { responses, paired };
  if (paired.size === 0) return { messages, results };
  const isPaired = ({ content }: Message["parts"][number]) =>
    content.case === "toolResponse" && paired.has(content.value);
  return { messages: messages.filter(({ parts }) => parts.length === 0 || !parts.every(isPaired)), results };
}
