import { createRegistry, toJson } from "@bufbuild/protobuf";
import { ErrorInfoSchema, TaskUpdateSchema } from "../../../proto.ts";
import type { LogEntry } from "../../store/records.ts";
import type { WebhookEntryKind } from "../../store/webhook-records.ts";
import { renderUpdate } from "../../task-log/render.ts";

/** What each kind of entry is posted as. */
const types: Record<WebhookEntryKind, string> = {
  task: "task.updated",
  event: "event.updated",
  message: "message.done",
  superseded: "turn.superseded",
};

/** Naming the default of an option is what keeps the type of the result. */
const json = { registry: createRegistry(ErrorInfoSchema), enumAsInteger: false } as const;

/** Writes the body of a delivery. It depends on the entry alone, so that all attempts send the same. */
export function payloadOf(taskId: string, entry: LogEntry & { kind: WebhookEntryKind }): string {
  const { time, ...update } = toJson(TaskUpdateSchema, renderUpdate(entry), json);
  return JSON.stringify({ type: types[entry.kind], timestamp: time, data: { taskId, ...update } });
}
