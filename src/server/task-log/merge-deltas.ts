import type { LogEntry } from "../store/records.ts";

/** The longest text that a merged delta gathers, in UTF-16 code units. */
const maxLength = 65_536;

/**
 * Merges adjacent deltas that append text to the same part, so that a reader who lags catches up in fewer, larger steps. A merged entry
 * has the sequence and time of its last: a reader that resumes after it has missed nothing. Entries that stay as they are keep their identity.
 */
export function mergeDeltas(entries: readonly LogEntry[]): LogEntry[] {
  const merged: LogEntry[] = [];
  for (const entry of entries) {
    const last = merged.at(-1);
    const together = last && join(last, entry);
    if (together === undefined) merged.push(entry);
    else merged[merged.length - 1] = together;
  }
  return merged;
}

function join(first: LogEntry, second: LogEntry): LogEntry | undefined {
  if (first.kind !== "delta" || second.kind !== "delta") return undefined;
  const [a, b] = [first.delta, second.delta];
  if (a.text === undefined || b.text === undefined) return undefined;
  if (a.messageId !== b.messageId || a.partIndex !== b.partIndex) return undefined;
  if (a.text.length + b.text.length > maxLength) return undefined;
  return { ...second, delta: { ...b, text: a.text + b.text } };
}
