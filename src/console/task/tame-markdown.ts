/** The most characters that are read as Markdown. */
const maxLength = 100_000;
/** The most characters with a meaning in one paragraph: what a parser does with them grows with their square. */
const maxMarks = 2_000;
/** The deepest that quotes and lists are nested in one line: each is a call within a call when they are drawn. */
const maxNesting = 30;

const marks = new Set("*_[]()!<>`~&|\\");
const containers = new Set(">-*+");
/** What may stand between these. */
const between = new Set(" \t0123456789.)");

/**
 * Tells whether a text can be read as Markdown in a moment. Messages say what users and models want them to say, which may be what a parser
 * takes minutes for, or overflows the stack with; such a text is shown as it is written. Takes time in proportion to the length.
 */
export function isTameMarkdown(text: string): boolean {
  if (text.length > maxLength) return false;
  let found = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") found = 0;
    let nesting = 0;
    let isBegin = true;
    for (const character of line) {
      if (marks.has(character)) found += 1;
      if (containers.has(character)) nesting += isBegin ? 1 : 0;
      else if (!between.has(character)) isBegin = false;
    }
    // A line of dashes or stars is a rule.
    if (nesting > maxNesting && !/^\s*([-*+]\s*)+$/.test(line)) return false;
    if (found > maxMarks) return false;
  }
  return true;
}
