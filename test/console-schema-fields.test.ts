import { describe, expect, it } from "vitest";
import { answerOf, fieldsOf } from "../src/console/task/schema-fields.ts";

const schema = {
  type: "object",
  properties: {
    approved: { type: "boolean" },
    guests: { type: "integer", minimum: 1, default: 2 },
    room: { enum: ["garden", 7] },
    note: { type: "string", title: "A note", maxLength: 20 },
  },
  required: ["approved", "note"],
};

describe("the form of a question", () => {
  it("has a field for each property", () => {
    expect(
      fieldsOf(schema)?.map(({ label, kind, required, initial }) => [label, kind, required, initial]),
    ).toEqual([
      ["approved", "boolean", true, ""],
      ["guests", "integer", false, "2"],
      ["room", "choice", false, ""],
      ["A note", "text", true, ""],
    ]);
  });

  it("makes an answer of the types that the schema names", () => {
    const fields = fieldsOf(schema) ?? [];
    expect(answerOf(fields, { approved: "false", guests: "3", room: "7", note: "x" })).toEqual({
      approved: false,
      guests: 3,
      room: 7,
      note: "x",
    });
  });

  it("leaves out what is empty, but for a text that must be there", () => {
    expect(answerOf(fieldsOf(schema) ?? [], { approved: "true", guests: "" })).toEqual({
      approved: true,
      note: "",
    });
  });

  it("has fields of names that every object knows", () => {
    const names = ["constructor", "toString", "__proto__"];
    const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
    const fields = fieldsOf({ type: "object", properties, required: ["constructor"] }) ?? [];
    expect(answerOf(fields, {})).toEqual({ constructor: "" });
    const filledIn = Object.fromEntries(names.map((name) => [name, `a ${name}`]));
    expect(Object.entries(answerOf(fields, filledIn))).toEqual(Object.entries(filledIn));
  });

  it.each([
    { type: "string" },
    { type: "object" },
    { type: "object", properties: { tags: { type: "array" } } },
    { type: "object", properties: { any: true } },
    { type: "object", properties: { day: { type: "string" } }, required: ["day", "hour"] },
    { type: "object", properties: { either: { type: ["string", "null"] } } },
  ])("is not made from %j, whose answer is written in JSON", (other) => {
    expect(fieldsOf(other)).toBeUndefined();
  });
});
