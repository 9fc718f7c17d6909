import { expect, it } from "vitest";
import { createLogger } from "../src/server/logger.ts";

function linesOf(fields: Record<string, unknown>): Record<string, unknown>[] {
  const lines: string[] = [];
  createLogger((line) => lines.push(line)).error("what happened", fields);
  return lines.map((line) => JSON.parse(line));
}

it("writes one JSON object a line, errors with their stacks and causes", () => {
  const error = new TypeError("outer", { cause: new Error("inner") });
  expect(linesOf({ error, count: 10n })).toEqual([
    {
      time: expect.any(String),
      level: "error",
      message: "what happened",
      count: "10",
      error: {
        name: "TypeError",
        message: "outer",
        stack: error.stack,
        cause: { name: "Error", message: "inner", stack: expect.any(String) },
      },
    },
  ]);
});

it("writes what it can of what is no JSON", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const own = new Error("its own cause");
  own.cause = own;
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
    },
  );
  for (const value of [circular, own, hostile]) {
    expect(linesOf({ value })).toMatchObject([{ level: "error", message: "what happened" }]);
  }
});
