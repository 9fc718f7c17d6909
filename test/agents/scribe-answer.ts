/** What the scribe writes in answer to a text: its words, one by one, and an end that only a whole answer has. */
export function wordsFor(text: string): string[] {
  return ["On:", ...text.split(" "), "...", "that", "is", "all", "of", "it."].map((word) => `${word} `);
}

/** The whole answer. */
export function answerTo(text: string): string {
  return wordsFor(text).join("");
}
