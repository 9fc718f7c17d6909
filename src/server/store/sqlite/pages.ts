import type { ListPage } from "../records.ts";

/** Takes rows into a page until it has `limit` items or about `maxBytes`, at least one. */
export function fill<Row, Item>(
  rows: Iterable<Row>,
  parse: (row: Row) => Item,
  sizeOf: (item: Item) => number,
  { limit, maxBytes }: { limit: number; maxBytes: number },
): ListPage<Item> {
  const items: Item[] = [];
  let bytes = 0;
  let more = false;
  for (const row of rows) {
    if (items.length >= limit || bytes >= maxBytes) {
      more = true;
      break;
    }
    const item = parse(row);
    bytes += sizeOf(item);
    items.push(item);
  }
  return { items, more };
}
