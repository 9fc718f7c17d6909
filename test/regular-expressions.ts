import { readdirSync, readFileSync } from "node:fs";
import type { DescMethod } from "@bufbuild/protobuf";
import { parseSync } from "vite";
import { rulesOf } from "./faults/fuzz/services.ts";

/** A regular expression, and where it stands. */
export interface Found {
  where: string;
  expression: RegExp;
}

const sources = new URL("../src/", import.meta.url);

/** Lists every regular expression that is written in the sources, so that a new one is among them by itself. */
export function expressionsOfSources(): Found[] {
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => {
      const { program } = parseSync(file, readFileSync(new URL(file, sources), "utf8"));
      return literalsIn(program).map((expression) => ({ where: `${file} ${expression}`, expression }));
    });
}

/** Lists the patterns that the proto declares for fields of requests, as the server compiles them. */
export function patternsOf(rpcs: readonly DescMethod[]): Found[] {
  const found = new Map<string, Found>();
  const seen = new Set<string>();
  const visit = (desc: DescMethod["input"]): void => {
    if (seen.has(desc.typeName)) return;
    seen.add(desc.typeName);
    for (const field of desc.fields) {
      const pattern = rulesOf(field)?.pattern;
      if (pattern) {
        const where = `${desc.typeName}.${field.name} ${pattern}`;
        found.set(where, { where, expression: new RegExp(`^(?:${pattern})$`, "u") });
      }
      if (field.message !== undefined) visit(field.message);
    }
  };
  for (const { input } of rpcs) visit(input);
  return [...found.values()];
}

function literalsIn(node: unknown): RegExp[] {
  if (typeof node !== "object" || node === null) return [];
  if ("regex" in node && "value" in node && node.value instanceof RegExp) return [node.value];
  return Object.values(node).flatMap(literalsIn);
}

/** Makes texts of about a length that bring an expression to try again and again: a piece many times over, and then what does not fit. */
export function* attacksOn({ source }: RegExp, length: number): Generator<string> {
  const letters = [...new Set([...source.replaceAll(/\\[a-z]/gi, ""), "a", "A", "0", " ", "\n", "\u00e9"])];
  const words = source.match(/[a-z0-9:._-]{2,}/gi) ?? [];
  const pieces = [
    ...letters,
    ...letters.flatMap((one) => letters.slice(0, 12).map((other) => one + other)),
    ...words,
  ];
  const begins = ["", ...letters.slice(0, 6), ...words.slice(0, 3)];
  for (const piece of new Set(pieces)) {
    const many = piece.repeat(length / piece.length);
    for (const begin of begins) for (const end of ["\u0001", ""]) yield begin + many + end;
  }
}
