import type { DatabaseSync, SQLInputValue } from "node:sqlite";

type Values = readonly (SQLInputValue | undefined)[];

/** SQL as template literals, each prepared once per connection. `undefined` is null. The caller names the shape of a row. */
export interface Sql {
  /** Reads the first row. */
  one<Row>(text: TemplateStringsArray, ...values: Values): Row | undefined;
  /** Reads all rows. */
  all<Row>(text: TemplateStringsArray, ...values: Values): Row[];
  /** Reads rows one by one; stops when the loop does. */
  each<Row>(text: TemplateStringsArray, ...values: Values): Iterable<Row>;
  /** Writes. Returns how many rows changed. */
  run(text: TemplateStringsArray, ...values: Values): number;
  /** Reads all rows of a statement that is put together at run time and prepared for this once. */
  query<Row>(text: string, values: SQLInputValue[]): Row[];
}

export function createSql(db: Pick<DatabaseSync, "createTagStore" | "prepare">): Sql {
  const store = db.createTagStore(200);
  const bind = (values: Values) => values.map((value) => value ?? null);
  return {
    one: <Row>(text: TemplateStringsArray, ...values: Values) =>
      store.get(text, ...bind(values)) as Row | undefined,
    all: <Row>(text: TemplateStringsArray, ...values: Values) => store.all(text, ...bind(values)) as Row[],
    each: <Row>(text: TemplateStringsArray, ...values: Values) =>
      store.iterate(text, ...bind(values)) as Iterable<Row>,
    run: (text, ...values) => Number(store.run(text, ...bind(values)).changes),
    query: <Row>(text: string, values: SQLInputValue[]) => db.prepare(text).all(...values) as Row[],
  };
}
