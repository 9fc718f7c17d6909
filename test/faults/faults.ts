/** Whether the long run was asked for, with FAULTS=long: more of everything, and new seeds. The short run does the same every time. */
export const long = process.env.FAULTS === "long";

/** How many of something a run does: as many as the variable of this name says, or else by the run's length. */
export function countOf(variable: string, counts: { short: number; long: number }): number {
  return Number(process.env[variable] ?? (long ? counts.long : counts.short));
}

/** The seed to begin with: what the variable of this name says, or else a new one in the long run, and always the same one in the short run. */
export function seedOf(variable: string): number {
  return Number(process.env[variable] ?? (long ? Date.now() % 1_000_000_000 : 1));
}

/** Prints what was done, for whoever reads what the run came to. */
export function printCounts(title: string, counts: Record<string, number | string>): void {
  const listed = Object.entries(counts).map(([name, count]) => `${name} ${count.toLocaleString("en")}`);
  console.log(`${title}: ${listed.join(", ")}`);
}
