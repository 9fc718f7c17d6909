/** The most that an agent's state for a task may take: its keys, and its values in JSON, in UTF-16 code units. */
export const maxStateLength = 524_288;

/** Tells what one key takes, with its value in JSON. */
export function entryLength(key: string, value: string): number {
  return key.length + value.length;
}
