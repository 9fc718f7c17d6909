/** Asks whether one of the words was meant, as in `; did you mean --port?`. Empty if none is near. */
export function didYouMean(given: string, words: readonly string[]): string {
  const nearest = suggest(given, words);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

/** Finds the word that was probably meant: one that begins so, or that takes the fewest slips of the finger, at most a third of its letters. */
export function suggest(given: string, words: readonly string[]): string | undefined {
  const ranked = words
    .map((word) => ({ word, slips: slips(given, word) }))
    .filter(({ word, slips }) => slips <= Math.max(1, Math.floor(own(word).length / 3)))
    .sort((a, b) => a.slips - b.slips);
  return ranked[0]?.word ?? words.find((word) => given.length > 2 && word.startsWith(given));
}

/** A word without what all of its kind begin with, where no finger slips. */
function own(word: string): string {
  return word.replace(/^(-+|PIGEONHOLE_)/, "");
}

/** Counts the letters that are missing, too much, wrong, or swapped with their neighbour. */
function slips(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const wrong = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(
        at(row, j) + 1,
        at(next, j - 1) + 1,
        at(row, j - 1) + wrong,
        swapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = row;
    row = next;
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
