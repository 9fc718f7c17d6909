import type { LogEntry } from "../store/records.ts";
import { taskSize } from "../store/task-size.ts";

/** About how much an entry takes beside its content. */
const overhead = 256;

/** Tells about how many bytes an entry takes in memory. */
export function entrySize(entry: LogEntry): number {
  return overhead + contentSize(entry);
}

function contentSize(entry: LogEntry): number {
  switch (entry.kind) {
    case "task":
      return taskSize(entry.task);
    case "event":
      return entry.event.content?.byteLength ?? 0;
    case "message":
      return entry.message.content?.byteLength ?? 0;
    case "delta":
      return entry.delta.text?.length ?? entry.delta.part?.byteLength ?? 0;
    case "superseded":
      return 0;
  }
}
