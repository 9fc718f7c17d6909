import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

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

export function createSql(db: Pick<DatabaseSync, "prepare">): Sql {
  // A literal is one object for as long as the program runs. Node's tag store puts its text together at every call, to find it by that.
  const statements = new Map<TemplateStringsArray, StatementSync>();

  function prepared(text: TemplateStringsArray): StatementSync {
    const known = statements.get(text);
    if (known !== undefined) return known;
    const statement = db.prepare(text.join("?"));
    statements.set(text, statement);
    return statement;
  }

  const bind = (values: Values) => values.map((value) => value ?? null);
  return {
    one: <Row>(text: TemplateStringsArray, ...values: Values) =>
      prepared(text).get(...bind(values)) as Row | undefined,
    all: <Row>(text: TemplateStringsArray, ...values: Values) => prepared(text).all(...bind(values)) as Row[],
    each: <Row>(text: TemplateStringsArray, ...values: Values) =>
      prepared(text).iterate(...bind(values)) as Iterable<Row>,
    run: (text, ...values) => Number(prepared(text).run(...bind(values)).changes),
    query: <Row>(text: string, values: SQLInputValue[]) => db.prepare(text).all(...values) as Row[],
  };
}
