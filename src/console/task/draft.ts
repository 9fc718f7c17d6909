import type { OnBusy, PartJson, TasksClient } from "../../client/index.ts";
import { parseJson } from "../ui/json-view.tsx";

/** An event that somebody writes. */
export interface Draft {
  content: string;
  /** Whether the content is parts in JSON, and not text. */
  json: boolean;
  onBusy: OnBusy;
  type: string;
  /** When to deliver it, as a field of local date and time has it; empty means at once. */
  deliver: string;
}

export const emptyDraft: Draft = { content: "", json: false, onBusy: 0, type: "", deliver: "" };

/** Sends what was written. Rejects with an error that says what is wrong with it. */
export async function sendDraft(tasks: TasksClient, taskId: string, draft: Draft): Promise<void> {
  const content = draft.json ? partsOf(draft.content) : draft.content;
  await tasks.send(taskId, content, {
    sender: "console",
    onBusy: draft.onBusy,
    type: draft.type,
    ...(draft.deliver !== "" && { deliverTime: new Date(draft.deliver) }),
  });
}

/** Parses a part or a list of parts. The client looks at their shape. */
function partsOf(text: string): PartJson[] {
  const value: unknown = parseJson(text, "What is written");
  const parts: unknown[] = Array.isArray(value) ? value : [value];
  if (parts.every(isPart)) return parts;
  throw new SyntaxError('Write a part or a list of parts, as in [{"text": "hello"}, {"data": {"a": 1}}]');
}

function isPart(value: unknown): value is PartJson {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
