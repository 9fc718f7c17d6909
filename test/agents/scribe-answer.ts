/** What the scribe writes in answer to a text: its words, one by one, and an end that only a whole answer has. */
export function wordsFor(text: string): string[] {
  return ["On:", ...text.split(" "), "...", "that", "is", "all", "of", "it."].map((word) => `${word} `);
}

/** What the scribe says of an event that it took into the turn of another. */
export function mentionOf(text: string): string {
  return `Also: ${text}`;
}

/** What the scribe reminds itself with of an event. */
export function reminderOf(text: string): string {
  return `Reminder: ${text}`;
}

/** What the scribe tells the task that it was made by of an event. */
export function reportOf(text: string): string {
  return `Report: ${text}`;
}

/** The whole answer. */
export function answerTo(text: string): string {
  return wordsFor(text).join("");
}
