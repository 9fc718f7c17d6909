import { isMet, type Row, type Target } from "./figure.ts";

/** Prints one row as a line of JSON. */
export function printJson(figure: string, row: Row): void {
  console.log(JSON.stringify({ figure, ...row, met: isMet(row) }));
}

/** Prints rows as a table under a heading. */
export function printTable(title: string, rows: readonly Row[]): void {
  const cells = [
    ["", "median", "min", "max", "unit", "target", ""],
    ...rows.map((row) => [
      row.name,
      number(row.median),
      number(row.min),
      number(row.max),
      row.unit,
      target(row.target),
      { true: "met", false: "MISSED", undefined: "" }[String(isMet(row))] ?? "",
    ]),
  ];
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  console.log(`\n${title}\n`);
  for (const line of cells)
    console.log(`  ${line.map((cell, column) => pad(cell, column, widths)).join("  ")}`.trimEnd());
}

/** Numbers are aligned at the right, words at the left. */
function pad(cell: string, column: number, widths: readonly number[]): string {
  const width = widths[column] ?? 0;
  return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width);
}

/** Three digits are as many as a noisy machine deserves. */
function number(value: number): string {
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);
}

function target(value: Target | undefined): string {
  if (!value) return "";
  return "atLeast" in value ? `>= ${number(value.atLeast)}` : `<= ${number(value.atMost)}`;
}
