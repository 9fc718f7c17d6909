import type { Sql } from "../sql.ts";

/** A place where a task's log misses entries. */
export interface LogGap {
  task: string;
  /** The first sequence that is missing. */
  sequence: number;
}

/** How many messages are looked at first for what a gap may come of: those begun last are the ones that it is within. */
const nearest = 64;

/**
 * Finds where sequences are missing from logs. Where the deltas of a message were compacted they are, between the entry that began it and
 * the one that ended it, and nowhere else.
 */
export function* findLogGaps(sql: Sql): Iterable<LogGap> {
  let task = "";
  let expected = 1;
  for (const row of sql.each<{
    task_id: string;
    sequence: number;
  }>`select task_id, sequence from log order by task_id, sequence`) {
    if (row.task_id !== task) expected = 1;
    task = row.task_id;
    if (row.sequence !== expected) {
      const sequence = firstUnexplained(sql, task, expected, row.sequence);
      if (sequence !== undefined) yield { task, sequence };
    }
    expected = row.sequence + 1;
  }
}

/** Finds the first missing sequence that was no delta of a message that is compacted. */
function firstUnexplained(sql: Sql, task: string, first: number, end: number): number | undefined {
  let sequence = first;
  while (sequence < end) {
    const done = compactedUntil(sql, task, sequence, nearest) ?? compactedUntil(sql, task, sequence, -1);
    if (done === undefined) return sequence;
    // The entry that ended a message stays, and so it too must be explained if it comes before the gap's end.
    sequence = done;
  }
  return undefined;
}

/** Tells where the last message ends whose deltas were compacted around a sequence. */
function compactedUntil(sql: Sql, task: string, sequence: number, limit: number): number | undefined {
  const found = sql.one<{ done: number | null }>`select max(done_sequence) as done from (
      select done_sequence, deltas from messages where task_id = ${task} and sequence < ${sequence}
      order by sequence desc limit ${limit})
    where deltas = 0 and done_sequence > ${sequence}`;
  return found?.done ?? undefined;
}
