import type { Output } from "./output.ts";
import type { Setting } from "./settings.ts";

/** Prints settings, each with where it comes from. */
export async function printConfig(settings: readonly Setting[], output: Output): Promise<undefined> {
  await output.table(
    each(settings),
    ({ name, value = null, from }) => ({ setting: name, value, from }),
    ["setting", "value", "from"],
    ({ name, value, from }) => [name, textOf(value, from), from],
  );
}

function textOf(value: unknown, from: string): string {
  if (value === undefined) return from === "default" ? "-" : "(secret)";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join(",");
  return String(value);
}

async function* each<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}
