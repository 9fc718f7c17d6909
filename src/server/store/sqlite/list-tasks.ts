import type { ListTasks, TaskPage } from "../queries.ts";
import { taskSize } from "../task-size.ts";
import { fill } from "./pages.ts";
import { type TaskRow, taskRecord } from "./rows.ts";
import type { Sql } from "./sql.ts";
import type { Tx } from "./tx.ts";

/** What a task must be like, as SQL with its values. */
type Filter = readonly [text: string, ...values: (string | number)[]];

/** An index to go along, by those filters that it has, and the others, which each task of it is put to. */
interface Way {
  index: string;
  along: readonly Filter[];
  others: readonly Filter[];
}

/** See Store.listTasks. It names its index: SQLite cannot know which filter tells tasks apart the most. */
export function listTasks(tx: Tx, args: ListTasks): TaskPage {
  const { index, along, others } = wayOf(tx.sql, args);
  // A list of few among a million comes to its bound with a page that is empty.
  const bound = others.length > 0 ? boundOf(tx.sql, index, along, args.maxScanned) : undefined;
  const filters = [...along, ...others, ...(bound === undefined ? [] : [bound.filter])];
  const rows = tx.sql.query<TaskRow>(
    `select * from tasks indexed by ${index} where ${textOf(filters)} order by created_at desc, id desc limit ?`,
    [...valuesOf(filters), args.limit + 1],
  );
  const { items, more } = fill(rows, (row) => taskRecord(tx.sql, row), taskSize, args);
  const next = more ? items.at(-1) : bound;
  return { items, ...(next && { next: { createTime: next.createTime, id: next.id } }) };
}

function wayOf(sql: Sql, args: ListTasks): Way {
  const { before, owner, agent, parentTaskId, states, labels, maxScanned } = args;
  const after: Filter[] = before ? [["(created_at, id) < (?, ?)", before.createTime, before.id]] : [];
  const indexed: { index: string; filters: readonly Filter[] }[] = [];
  const others: Filter[] = [];
  if (parentTaskId !== undefined)
    indexed.push({ index: "tasks_parent", filters: [["parent_id = ?", parentTaskId]] });
  // The index of owners has none of the server's.
  if (owner === "") others.push(["owner = ?", owner]);
  else if (owner !== undefined)
    indexed.push({ index: "tasks_owner", filters: [["owner = ? and owner <> ''", owner]] });
  if (agent !== undefined) indexed.push({ index: "tasks_agent", filters: [["agent = ?", agent]] });
  if (states.length > 0) others.push([`state in (${states.map(() => "?")})`, ...states]);
  for (const [key, value] of Object.entries(labels)) {
    others.push(["exists (select 1 from json_each(labels) where key = ? and value = ?)", key, value]);
  }
  if (args.namePrefix !== undefined) {
    const named = filtersOf(args.namePrefix);
    // In the order of names, and not of a page: all that have such a name are looked at.
    if (hasAtMost(sql, "tasks_names", named, maxScanned)) {
      const rest = indexed.flatMap(({ filters }) => filters);
      return { index: "tasks_names", along: [...named, ...after, ...rest, ...others], others: [] };
    }
    others.push(...named);
  }
  const [first = { index: "tasks_created", filters: [["true"] as const] }, ...rest] = indexed;
  return {
    index: first.index,
    along: [...first.filters, ...after],
    others: [...rest.flatMap(({ filters }) => filters), ...others],
  };
}

/** The last task that is looked at, if there is one after so many. */
function boundOf(sql: Sql, index: string, along: readonly Filter[], maxScanned: number) {
  const [last, another] = sql.query<{ createTime: number; id: string }>(
    `select created_at as createTime, id from tasks indexed by ${index} where ${textOf(along)}
      order by created_at desc, id desc limit 2 offset ?`,
    [...valuesOf(along), maxScanned - 1],
  );
  if (last === undefined || another === undefined) return undefined;
  return { ...last, filter: ["(created_at, id) >= (?, ?)", last.createTime, last.id] satisfies Filter };
}

function hasAtMost(sql: Sql, index: string, filters: readonly Filter[], count: number): boolean {
  const [one] = sql.query<{ found: 1 }>(
    `select 1 as found from tasks indexed by ${index} where ${textOf(filters)} limit 1 offset ?`,
    [...valuesOf(filters), count],
  );
  return one === undefined;
}

function textOf(filters: readonly Filter[]): string {
  return filters.map(([text]) => text).join(" and ");
}

function valuesOf(filters: readonly Filter[]): (string | number)[] {
  return filters.flatMap(([, ...values]) => values);
}

/** As a range, which an index has, and not by SQLite's functions of text, which end one at a NUL. */
function filtersOf(prefix: string): Filter[] {
  const end = afterPrefix(prefix);
  return [["name >= ?", prefix], ...(end === undefined ? [] : [["name < ?", end] satisfies Filter])];
}

/** The first text, in the order of code points, that sorts after all that begin so; none if nothing does. */
function afterPrefix(prefix: string): string | undefined {
  const last = [...prefix].at(-1)?.codePointAt(0);
  if (last === undefined) return undefined;
  const rest = prefix.slice(0, -String.fromCodePoint(last).length);
  if (last === 0x10ffff) return afterPrefix(rest);
  // No text has the code points of surrogates.
  return rest + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
}
