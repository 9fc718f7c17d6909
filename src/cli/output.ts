import { clean, createPaint, type Paint } from "./style.ts";

/** Where a command's results go: as text for people, or as one JSON object a line. Waits for a reader that is slow. */
export interface Output {
  readonly json: boolean;
  /** Styles text, if a terminal shows it. Makes what it is given harmless to a terminal. */
  readonly paint: Paint;
  /** Prints a result: as JSON, or as the text that is made of it when it is not. */
  show(result: object, text: () => string): Promise<void>;
  /** Prints results: each as JSON, or as rows of a table, whose first row is the heading. */
  table<T>(
    items: AsyncIterable<T>,
    toJson: (item: T) => object,
    heading: string[],
    toRow: (item: T) => string[],
  ): Promise<void>;
  /** Prints text as it is, without a line break. Resolves when it is out. */
  write(text: string): Promise<void>;
  /** Tells a person something that is no result, on stderr. */
  note(text: string): void;
}

/** How many rows are aligned with each other: a longer table is printed as it is read. */
const tableChunk = 100;

/** Makes the output of this process. A reader that goes away, as `head` does, ends the process without a word. */
export function createOutput(json: boolean): Output {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  }
  const paint = createPaint(stdout);
  const write = (text: string) => new Promise<void>((resolve) => stdout.write(text, () => resolve()));
  return {
    json,
    paint,
    write,
    show: (result, text) => write(json ? `${JSON.stringify(result)}\n` : text()),
    async table(items, toJson, heading, toRow) {
      let rows = [heading.map((title) => title.toUpperCase())];
      for await (const item of items) {
        if (json) {
          await write(`${JSON.stringify(toJson(item))}\n`);
          continue;
        }
        rows.push(toRow(item).map(clean));
        if (rows.length <= tableChunk) continue;
        await write(align(rows));
        rows = [];
      }
      if (!json && rows.length > 0) await write(align(rows));
    },
    note: (text) => {
      stderr.write(`${text}\n`);
    },
  };
}

/** Takes the first of some items. */
export async function* take<T>(items: AsyncIterable<T>, count: number): AsyncIterable<T> {
  if (count < 1) return;
  let taken = 0;
  for await (const item of items) {
    yield item;
    if (++taken >= count) return;
  }
}

function align(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
