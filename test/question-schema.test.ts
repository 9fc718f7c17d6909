import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { checkAnswer, requireSchema } from "../src/server/mailbox/question-schema.ts";
import { cpuTime } from "./cpu-time.ts";

const order = {
  type: "object",
  properties: {
    amount: { type: "number", maximum: 100 },
    items: { type: "array", items: { $ref: "#/$defs/item" } },
    kind: { enum: ["a", "b"] },
    "a b/c~d": { const: 1 },
  },
  required: ["amount"],
  additionalProperties: false,
  $defs: { item: { type: "object", properties: { id: { type: "string", minLength: 2 } } } },
};

describe("an answer that would take for ever to check", () => {
  it.each<[string, JsonObject, JsonValue]>([
    ["against a pattern", { pattern: "^(a+)+$" }, `${"a".repeat(50)}!`],
    ["against patterns of names", { patternProperties: { "^(a|a)+$": {} } }, { [`${"a".repeat(50)}!`]: 1 }],
    ["for items that are unique", { uniqueItems: true }, Array.from({ length: 50_000 }, (_, at) => ({ at }))],
  ])("does not fit, and holds nobody up (%s)", async (_, schema, answer) => {
    const spent = await cpuTime(() =>
      expect(checkAnswer(requireSchema(schema), answer)).toEqual([
        {
          field: "parts[0].data",
          description: "cannot be checked against the question's schema: that takes more than 100 ms",
        },
      ]),
    );
    expect(spent).toBeLessThan(10_000);
    expect(checkAnswer(requireSchema(schema), null)).toEqual([]);
  });
});

describe("an answer", () => {
  it.each<[string, JsonObject, JsonValue, string[]]>([
    ["fits", order, { amount: 5, items: [{ id: "ab" }], kind: "a" }, []],
    ["lacks what must be set", order, {}, ["parts[0].data.amount: must be set"]],
    ["is of another type", order, [], ["parts[0].data: must be object"]],
    [
      "is wrong in several places",
      order,
      { amount: 500, items: [{ id: "ab" }, { id: "a" }], kind: "c", more: 1, "a b/c~d": 2 },
      [
        "parts[0].data.more: must not be set",
        "parts[0].data.amount: must be <= 100",
        "parts[0].data.items[1].id: must NOT have fewer than 2 characters",
        'parts[0].data.kind: must be one of ["a","b"]',
        'parts[0].data["a b/c~d"]: must be 1',
      ],
    ],
    [
      "needs more than a prototype has",
      { required: ["toString"] },
      {},
      ["parts[0].data.toString: must be set"],
    ],
    ["is of a format that nobody knows", { type: "string", format: "shoe-size" }, "47", []],
    [
      "has what no keyword allows",
      { unevaluatedProperties: false },
      { a: 1 },
      ["parts[0].data.a: must not be set"],
    ],
    ["is asked for by a schema with an id", { $id: "https://a.example/s", type: "null" }, null, []],
    ["is asked for by another one with that id", { $id: "https://a.example/s", type: "array" }, [], []],
  ])("%s", (_, schema, answer, expected) => {
    const found = checkAnswer(requireSchema(schema), answer);
    expect(found.map(({ field, description }) => `${field}: ${description}`)).toEqual(expected);
  });

  it("is told of 16 violations at most, in few words", () => {
    const schema = requireSchema({ items: { enum: ["x".repeat(10_000)] } });
    const found = checkAnswer(schema, Array(1000).fill(1), "parts[3].data");
    expect(found.map(({ field }) => field)).toEqual(
      Array.from({ length: 16 }, (_, n) => `parts[3].data[${n}]`),
    );
    for (const { description } of found) expect(description.length).toBeLessThan(300);
  });

  it("is checked by a schema however many there are", () => {
    for (let n = 0; n < 300; n++) {
      const schema = requireSchema({ const: n, $id: `s${n % 3}` });
      expect([checkAnswer(schema, n).length, checkAnswer(schema, n + 1).length]).toEqual([0, 1]);
    }
    expect(checkAnswer('{"const":0,"$id":"s0"}', 0)).toEqual([]);
  });
});

describe("what is no schema", () => {
  let deep: JsonObject = {};
  for (let n = 0; n < 40; n++) deep = { not: deep };
  it.each<[string, unknown, RegExp]>([
    ["a text", "string", /is not a JSON object/],
    ["a list", [], /is not a JSON object/],
    ["an unknown type", { type: "integre" }, /is no JSON Schema/],
    ["a rule of another type", { maximum: "5" }, /is no JSON Schema/],
    ["a pattern that is none", { pattern: "(" }, /is no JSON Schema/],
    ["another draft", { $schema: "http://json-schema.org/draft-07/schema#" }, /is no JSON Schema/],
    ["a reference to elsewhere", { $ref: "https://example.com/schema" }, /is no JSON Schema/],
    ["a reference to nothing", { $ref: "#/$defs/none" }, /is no JSON Schema/],
    ["a reference to itself", { $ref: "#" }, /is no JSON Schema/],
    ["one that is asynchronous", { $async: true }, /is no JSON Schema/],
    ["one that is not JSON", { const: new Date(0) }, /not JSON/],
    ["one that is too deep", deep, /nested deeper than 30/],
    ["one that is too long", { const: "x".repeat(70_000) }, /may take 65536/],
  ])("throws VALUE_INVALID: %s", (_, schema, message) => {
    const act = () => requireSchema(schema as JsonObject);
    expect(act).toThrow(
      expect.objectContaining({ reason: "VALUE_INVALID", message: expect.stringMatching(message) }),
    );
  });
});
