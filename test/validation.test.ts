import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { DurationSchema, StructSchema, TimestampSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AgentService,
  CreateTaskRequestSchema,
  PartSchema,
  rules,
  ScheduleService,
  SendEventRequestSchema,
  TaskService,
  WebhookService,
} from "../src/proto.ts";
import { Findings } from "../src/server/validation/findings.ts";
import { violations } from "../src/server/validation/index.ts";
import { createDurationCheck, timestampCheck } from "../src/server/validation/time-check.ts";
import { cpuTime } from "./cpu-time.ts";
import "./property-seed.ts";

const requests = [TaskService, AgentService, ScheduleService, WebhookService].flatMap(({ methods }) =>
  methods.map((method) => method.input),
);
const [getTask, listTasks, redriveEvent] = ["GetTaskRequest", "ListTasksRequest", "RedriveEventRequest"].map(
  (name) => {
    const schema = requests.find((desc) => desc.name === name);
    if (schema === undefined) throw new Error(`no ${name}`);
    return schema;
  },
) as [DescMessage, DescMessage, DescMessage];

/** Checks a SendEventRequest that is given in JSON and is otherwise valid. */
const check = (json: object) =>
  violations(
    SendEventRequestSchema,
    fromJson(SendEventRequestSchema, { taskId: "t", parts: [{ text: "hi" }], ...json }),
  );
const checkTask = (json: object) =>
  violations(CreateTaskRequestSchema, fromJson(CreateTaskRequestSchema, { agent: "a", ...json }));
/** Checks a message that is made here and has come in as binary, where any numbers may. */
const checkMade = <Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>) =>
  violations(schema, fromBinary(schema, toBinary(schema, create(schema, init))));
const nested = (depth: number): object => (depth === 1 ? {} : { a: nested(depth - 1) });

describe("every request", () => {
  it("has rules that compile", () => {
    for (const desc of requests) violations(desc, create(desc));
  });

  it("has a bound on each of its fields", () => {
    const seen = new Set<string>();
    const unbounded: string[] = [];
    const visit = (desc: DescMessage) => {
      if (seen.has(desc.typeName)) return;
      seen.add(desc.typeName);
      for (const field of desc.fields) {
        if (!isBounded(field)) unbounded.push(`${desc.name}.${field.name}`);
        if (field.message !== undefined && !field.message.typeName.startsWith("google."))
          visit(field.message);
      }
    };
    requests.forEach(visit);
    expect(unbounded).toEqual([]);
  });

  it("states each of its bounds in its comment", async () => {
    const { readFile, glob } = await import("node:fs/promises");
    const silent: string[] = [];
    for await (const file of glob("proto/pigeonhole/v1/*.proto")) {
      const text = await readFile(file, "utf8");
      for (const [declaration, comment = "", name, options = ""] of text.matchAll(
        /((?:^ *\/\/.*\n)+) *(?:repeated |map<string, )?[\w.>]+ (\w+) = \d+ \[([^\]]*)\];/gm,
      )) {
        const words = comment.replaceAll(/\n *\/\//g, "");
        for (const [, bound = ""] of options.matchAll(/\(rules\)\.(?:max\w*) = (\d+)/g)) {
          const written = [Number(bound), Number(bound) / 86_400].map((count) =>
            count.toLocaleString("en-US"),
          );
          const told = [`${written[0]}`, `${written[1]} days`].some((count) => words.includes(count));
          if (!told) silent.push(`${name}: ${written[0]} in ${declaration.trim()}`);
        }
      }
    }
    expect(silent).toEqual([]);
  });
});

function isBounded(field: DescField): boolean {
  const bounds = getOption(field, rules);
  if (field.fieldKind === "list" || field.fieldKind === "map") return bounds.maxItems !== undefined;
  if (field.fieldKind === "message") {
    const { typeName } = field.message;
    if (!typeName.startsWith("google.") || typeName === TimestampSchema.typeName) return true;
    return bounds.maxDepth !== undefined || bounds.maxSeconds !== undefined;
  }
  if (field.fieldKind === "enum" || field.scalar === 8) return true;
  return bounds.maxLength !== undefined || bounds.min !== undefined;
}

describe("a field", () => {
  it("may be at its bounds", () => {
    expect(
      check({ taskId: "t".repeat(64), type: "y".repeat(128), parts: Array(64).fill({ text: "" }) }),
    ).toEqual([]);
    expect(checkTask({ labels: { ["k".repeat(63)]: "v".repeat(63) }, params: nested(30) })).toEqual([]);
  });

  it.each([
    [{ taskId: "" }, "task_id", "must not be empty"],
    [{ taskId: "t".repeat(65) }, "task_id", "must have at most 64 characters, has 65"],
    [{ parts: [] }, "parts", "must not be empty"],
    [{ parts: Array(65).fill({ text: "" }) }, "parts", "must have at most 64 elements, has 65"],
    [{ expectedSequence: "-1" }, "expected_sequence", "must be at least 0, is -1"],
    [{ metadata: nested(31) }, `metadata${".a".repeat(30)}`, "must be nested at most 30 deep"],
    [
      { metadata: { "a b": ["\udc00"] } },
      'metadata["a b"][0]',
      "must be well-formed Unicode, without lone surrogates",
    ],
    [
      { metadata: { "\ud800": 1 } },
      'metadata["\\ud800"]',
      "the key must be well-formed Unicode, without lone surrogates",
    ],
    [{ parts: [{}] }, "parts[0].content", /^exactly one of text, data, .* must be set$/],
    [
      { parts: [{ text: "" }, { file: {} }] },
      "parts[1].file.source",
      "exactly one of bytes, uri must be set",
    ],
    [{ parts: [{ file: { uri: "" } }] }, "parts[0].file.uri", "must not be empty"],
    [{ parts: [{ file: { uri: "here" } }] }, "parts[0].file.uri", /^must match /],
    [{ parts: [{ file: { uri: "a:b\n" } }] }, "parts[0].file.uri", /^must match /],
    [{ parts: [{ data: nested(31) }] }, `parts[0].data${".a".repeat(30)}`, "must be nested at most 30 deep"],
    [{ parts: [{ toolRequest: { id: "1" } }] }, "parts[0].tool_request.name", "must not be empty"],
  ])("out of its bounds is told by its path: %j", (json, field, description) => {
    expect(check(json)).toEqual([
      {
        field,
        description: typeof description === "string" ? description : expect.stringMatching(description),
      },
    ]);
  });

  it.each([
    [{ labels: { "": "v" } }, 'labels[""]', /^the key must match /],
    [{ labels: { "a b": "v" } }, 'labels["a b"]', /^the key must match /],
    [{ labels: { k: "v".repeat(64) } }, 'labels["k"]', /^must have at most 63 characters/],
    [
      { labels: { ["k".repeat(64)]: "" } },
      `labels["${"k".repeat(64)}"]`,
      /^the key must have at most 63 characters/,
    ],
    [
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])) },
      "labels",
      /at most 64 entries/,
    ],
    [{ event: {} }, "event.parts", /^must not be empty/],
  ])("of another kind too: %j", (json, field, description) => {
    expect(checkTask(json)).toEqual([{ field, description: expect.stringMatching(description) }]);
  });

  it("that is a number of JSON must be finite, and a Value must be one", () => {
    const part = (value: object) => ({
      content: { case: "data" as const, value: create(ValueSchema, value) },
    });
    const message = create(SendEventRequestSchema, {
      taskId: "t",
      parts: [part({ kind: { case: "numberValue", value: Number.NaN } }), part({})],
      metadata: { n: Number.POSITIVE_INFINITY },
    });
    const received = fromBinary(SendEventRequestSchema, toBinary(SendEventRequestSchema, message));
    expect(violations(SendEventRequestSchema, received).map(({ field }) => field)).toEqual([
      "parts[0].data",
      "parts[1].data",
      "metadata.n",
    ]);
  });

  it("that is a string must be well-formed, as protobuf-es sees to in what it reads, but not in what is made here", () => {
    expect(() => check({ type: "\ud800" })).toThrow("SendEventRequest.type");
    const message = create(CreateTaskRequestSchema, { agent: "\ud800", labels: { k: "\udc00" } });
    expect(violations(CreateTaskRequestSchema, message).map(({ field }) => field)).toEqual([
      "agent",
      'labels["k"]',
    ]);
  });

  it("that is an enum must be a value that is known, and be one at all in a filter", () => {
    const message = create(listTasks, { states: [1, 99, 0] });
    expect(violations(listTasks, message)).toEqual([
      { field: "states[1]", description: "must be a value of pigeonhole.v1.TaskState, is 99" },
      { field: "states[2]", description: "must not be TASK_STATE_UNSPECIFIED" },
    ]);
  });

  it("of a oneof is looked at when it is the one that is set", () => {
    expect(violations(getTask, create(getTask))).toMatchObject([{ field: "key" }]);
    expect(violations(getTask, fromJson(getTask, { name: "" }))).toMatchObject([{ field: "name" }]);
    expect(violations(getTask, fromJson(getTask, { name: "n" }))).toEqual([]);
  });

  it("that is a bool must be true where it must be there", () => {
    const redrive = (json: JsonObject) =>
      violations(redriveEvent, fromJson(redriveEvent, { taskId: "t", ...json }));
    expect(redrive({ all: true })).toEqual([]);
    expect(redrive({ all: false })).toEqual([{ field: "all", description: "must be true" }]);
  });

  it("that is long is never tried against a pattern", async () => {
    const spent = await cpuTime(() => {
      expect(checkTask({ labels: { [`${"-".repeat(1_000_000)}!`]: "" } })).toHaveLength(1);
      expect(check({ parts: [{ file: { uri: "a".repeat(1_000_000) } }] })).toHaveLength(1);
    });
    expect(spent).toBeLessThan(1_000);
  });
});

describe("a time", () => {
  const ttl = (seconds: bigint, nanos = 0) =>
    checkMade(CreateTaskRequestSchema, {
      agent: "a",
      expiration: { case: "ttl", value: { seconds, nanos } },
    });
  const deliver = (seconds: bigint, nanos = 0) =>
    checkMade(SendEventRequestSchema, {
      taskId: "t",
      parts: [{ content: { case: "text", value: "" } }],
      deliverTime: { seconds, nanos },
    });

  it("may be at its bounds", () => {
    expect(ttl(0n)).toEqual([]);
    expect(ttl(316_224_000n)).toEqual([]);
    expect(ttl(316_223_999n, 999_999_999)).toEqual([]);
    expect(deliver(-62_135_596_800n)).toEqual([]);
    expect(deliver(253_402_300_799n, 999_999_999)).toEqual([]);
  });

  it.each([
    [316_224_000n, 1, "must be at most 316224000 seconds"],
    [2n ** 63n - 1n, 0, /^must have nanos of at most 999999999, .* of at most 315576000000$/],
    [-1n, 0, "must not be negative"],
    [0n, -1, "must not be negative"],
    [1n, -1, /^must have nanos of at most 999999999, of the same sign/],
    [-1n, 1, /^must have nanos of at most 999999999, of the same sign/],
    [0n, 1_000_000_000, /^must have nanos of at most 999999999/],
    [0n, -(2 ** 31), /^must have nanos of at most 999999999/],
  ])("that is a Duration of %d s and %d ns is refused", (seconds, nanos, description) => {
    expect(ttl(seconds, nanos)).toEqual([
      {
        field: "ttl",
        description: typeof description === "string" ? description : expect.stringMatching(description),
      },
    ]);
  });

  it.each([
    [-62_135_596_801n, 0, "must be a time of the years 1 to 9999"],
    [253_402_300_800n, 0, "must be a time of the years 1 to 9999"],
    [2n ** 63n - 1n, 0, "must be a time of the years 1 to 9999"],
    [0n, -1, "must have 0 to 999999999 nanos, has -1"],
    [0n, 1_000_000_000, "must have 0 to 999999999 nanos, has 1000000000"],
  ])("that is a Timestamp of %d s and %d ns is refused", (seconds, nanos, description) => {
    expect(deliver(seconds, nanos)).toEqual([{ field: "deliver_time", description }]);
  });

  it("is counted in the size of the message that it is in", () => {
    const times = fc.record({
      seconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      nanos: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    });
    fc.assert(
      fc.property(times, times, (ttl, at) => {
        for (const [desc, value] of [
          [DurationSchema, ttl],
          [TimestampSchema, at],
        ] as const) {
          const check = desc === DurationSchema ? createDurationCheck(undefined) : timestampCheck;
          expect(check(create(desc, value), new Findings())).toBe(toBinary(desc, create(desc, value)).length);
        }
      }),
    );
  });
});

describe("many violations", () => {
  it("are told together, up to sixteen", () => {
    expect(check({ taskId: "", parts: Array(64).fill({}) })).toHaveLength(16);
    expect(
      check({ metadata: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}`, "\ud800"])) }),
    ).toHaveLength(16);
  });

  it("are told briefly, however long the keys are", () => {
    const [violation] = check({ metadata: { ["k".repeat(100_000)]: "\ud800" } });
    expect(violation?.field.length).toBeLessThan(100);
  });
});

describe("the size of what is encoded", () => {
  const text = fc.string({ unit: "binary" }).map((value) => value.toWellFormed());
  const json = fc
    .jsonValue({ maxDepth: 4, stringUnit: "binary" })
    .map((value): JsonValue => JSON.parse(JSON.stringify(value)));
  const isWellFormed = (value: unknown) =>
    JSON.stringify(value).isWellFormed() && !/\\ud[89a-f]/.test(JSON.stringify(value));

  it("is that of protobuf, of any JSON object", () => {
    const most = 65_536;
    const size = (value: JsonObject) => toBinary(StructSchema, fromJson(StructSchema, value)).length;
    fc.assert(
      fc.property(fc.dictionary(text, json), (object) => {
        fc.pre(isWellFormed(object) && !("padding" in object));
        const padded = (length: number) => ({ ...object, padding: "x".repeat(length) });
        const room = most - size(padded(40_000)) + 40_000;
        expect(size(padded(room))).toBe(most);
        expect(check({ metadata: padded(room) })).toEqual([]);
        expect(check({ metadata: padded(room + 1) })).toEqual([
          { field: "metadata", description: `must have at most ${most} bytes encoded, has ${most + 1}` },
        ]);
      }),
    );
  });

  it("is that of protobuf, of any parts", () => {
    const part = fc.oneof(
      fc.record({ text }),
      fc.record({ data: json }),
      fc.record({ file: fc.record({ bytes: fc.base64String(), name: text }) }),
      fc.record({
        toolRequest: fc.record({
          id: fc.constant("1"),
          name: fc.constant("n"),
          arguments: fc.dictionary(text, json),
        }),
      }),
      fc.record({ toolResponse: fc.record({ id: fc.constant("1"), result: json, isError: fc.boolean() }) }),
      fc.record({ reasoning: text, metadata: fc.dictionary(text, json) }),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        fc.pre(isWellFormed(parts));
        const most = 1_048_576;
        const size = (items: object[]) =>
          items.reduce(
            (sum, item) => sum + toBinary(PartSchema, fromJson(PartSchema, { ...item })).length,
            0,
          );
        // Two more parts that bring it to the bound exactly, and one byte beyond it.
        const filler = (length: number) => ({ text: "x".repeat(length) });
        const room = most - size(parts) - size([filler(600_000)]);
        const rest = filler(room - 4);
        expect(size([...parts, filler(600_000), rest])).toBe(most);
        expect(check({ parts: [...parts, filler(600_000), rest] })).toEqual([]);
        expect(check({ parts: [...parts, filler(600_001), rest] })).toEqual([
          {
            field: "parts",
            description: `must together have at most ${most} bytes encoded, have ${most + 1}`,
          },
        ]);
      }),
      { numRuns: 30 },
    );
  });
});

describe("a key named __proto__", () => {
  const metadata: object = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":2}}');

  it("is kept as it is in a JSON object, through both encodings, and touches no prototype", () => {
    const message = fromJson(SendEventRequestSchema, {
      taskId: "t",
      parts: [{ data: { ...metadata } }],
      metadata: { ...metadata },
    });
    expect(violations(SendEventRequestSchema, message)).toEqual([]);
    const received = fromBinary(SendEventRequestSchema, toBinary(SendEventRequestSchema, message));
    expect(violations(SendEventRequestSchema, received)).toEqual([]);
    const told = toJson(SendEventRequestSchema, received);
    expect(JSON.stringify(told)).toBe(JSON.stringify({ taskId: "t", parts: [{ data: metadata }], metadata }));
    expect(Object.getPrototypeOf(received.metadata)).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
  });

  it("is checked like any other key", () => {
    expect(check({ metadata: JSON.parse('{"__proto__":"\\ud800"}') })).toMatchObject([
      { field: "metadata.__proto__" },
    ]);
    expect(checkTask({ labels: JSON.parse('{"__proto__":"v"}') })).toMatchObject([
      { field: 'labels["__proto__"]' },
    ]);
  });
});
