import type { JsonValue } from "@bufbuild/protobuf";
import { expect } from "vitest";

const parts = [{ text: "x" }];

/** Makes a value that is nested so deep. */
function nested(depth: number): JsonValue {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}

/** A time that is ahead, as JSON has it. */
const soon = () => new Date(Date.now() + 3_600_000).toISOString();

/** What a field is refused with. */
export const field = (path: string, description: unknown) => ({
  code: "InvalidArgument",
  reason: "FIELD_INVALID",
  fields: { [path]: description },
});
/** What a request that cannot be read is refused with. */
const malformed = (message: RegExp) => ({
  code: "InvalidArgument",
  reason: "REQUEST_MALFORMED",
  message: expect.stringMatching(message),
});

/** Requests that parse as JSON and are wrong, to an RPC of TaskService, and what each is refused with. */
export function badRequests(
  taskId: string,
): [what: string, rpc: string, request: JsonValue, failure: object][] {
  return [
    ["no parts", "SendEvent", { taskId }, field("parts", "must not be empty")],
    [
      "a part with nothing in it",
      "SendEvent",
      { taskId, parts: [{ text: "x" }, {}] },
      field("parts[1].content", expect.stringMatching(/^exactly one of text, .* must be set$/)),
    ],
    [
      "too many parts",
      "SendEvent",
      { taskId, parts: Array(65).fill({ text: "x" }) },
      field("parts", "must have at most 64 elements, has 65"),
    ],
    [
      "a file from nowhere",
      "SendEvent",
      { taskId, parts: [{ file: {} }] },
      field("parts[0].file.source", "exactly one of bytes, uri must be set"),
    ],
    [
      "metadata nested too deep",
      "SendEvent",
      { taskId, parts, metadata: nested(31) },
      field(`metadata${".a".repeat(30)}`, "must be nested at most 30 deep"),
    ],
    [
      "metadata that is too large",
      "SendEvent",
      { taskId, parts, metadata: { a: "x".repeat(65_536) } },
      field("metadata", expect.stringMatching(/^must have at most 65536 bytes encoded, has \d+$/)),
    ],
    ["no task", "SendEvent", { parts }, field("task_id", "must not be empty")],
    [
      "a type that is too long",
      "SendEvent",
      { taskId, parts, type: "t".repeat(129) },
      field("type", "must have at most 128 characters, has 129"),
    ],
    [
      "a sequence below zero",
      "SendEvent",
      { taskId, parts, expectedSequence: "-1" },
      field("expected_sequence", "must be at least 0, is -1"),
    ],
    [
      "a delivery a century away",
      "SendEvent",
      { taskId, parts, deliverTime: "2150-01-01T00:00:00Z" },
      field("deliver_time", "must be at most 3660 days ahead"),
    ],
    [
      "a delivery in the year 10000",
      "SendEvent",
      { taskId, parts, deliverTime: "10000-01-01T00:00:00Z" },
      malformed(/Timestamp/),
    ],
    [
      "a later delivery that is refused when the task is busy",
      "SendEvent",
      { taskId, parts, deliverTime: soon(), onBusy: "ON_BUSY_REJECT" },
      field("deliver_time", "must not be ahead when on_busy is ON_BUSY_REJECT"),
    ],
    [
      "a later delivery that answers a question",
      "SendEvent",
      { taskId, parts, deliverTime: soon(), answers: "q" },
      field("deliver_time", "must not be ahead when the event answers a question"),
    ],
    [
      "a type of the server's own",
      "SendEvent",
      { taskId, parts, type: "pigeonhole.task.ended" },
      field("type", "must not begin with pigeonhole., as the server's own events do"),
    ],
    [
      "a wait that is too long",
      "SendEvent",
      { taskId, parts, wait: "EVENT_WAIT_PROCESSED", waitTimeout: "300.000000001s" },
      field("wait_timeout", "must be at most 300 seconds"),
    ],
    [
      "a wait below zero",
      "SendEvent",
      { taskId, parts, wait: "EVENT_WAIT_PROCESSED", waitTimeout: "-1s" },
      field("wait_timeout", "must not be negative"),
    ],
    [
      "a policy that is not known",
      "SendEvent",
      { taskId, parts, onBusy: 99 },
      field("on_busy", "must be a value of pigeonhole.v1.OnBusy, is 99"),
    ],
    [
      "a task that may take a century",
      "CreateTask",
      { agent: "desk", ttl: "3155760000s" },
      field("ttl", "must be at most 316224000 seconds"),
    ],
    [
      "a task that may take less than no time",
      "CreateTask",
      { agent: "desk", ttl: "-0.000000001s" },
      field("ttl", "must not be negative"),
    ],
    ["a span in words", "CreateTask", { agent: "desk", ttl: "a day" }, malformed(/Duration/)],
    [
      "a task that may take until the next century",
      "CreateTask",
      { agent: "desk", expireTime: "2150-01-01T00:00:00Z" },
      field("expire_time", "must be at most 3660 days ahead"),
    ],
    [
      "a task that was to end before it begins",
      "CreateTask",
      { agent: "desk", expireTime: "2001-01-01T00:00:00Z" },
      field("expire_time", "must not have passed"),
    ],
    [
      "a first event a century away",
      "CreateTask",
      { agent: "desk", event: { parts, deliverTime: "2150-01-01T00:00:00Z" } },
      field("event.deliver_time", "must be at most 3660 days ahead"),
    ],
    [
      "a first event of a type of the server's own",
      "CreateTask",
      { agent: "desk", event: { parts, type: "pigeonhole.x" } },
      field("event.type", expect.stringContaining("must not begin with pigeonhole.")),
    ],
    [
      "nothing to put back",
      "RedriveEvent",
      { taskId },
      field("target", "exactly one of event_id, all must be set"),
    ],
    ["not all to put back", "RedriveEvent", { taskId, all: false }, field("all", "must be true")],
    ["no event to take back", "CancelEvent", { taskId }, field("event_id", "must not be empty")],
    [
      "a reason that is too long",
      "InterruptTask",
      { taskId, reason: "r".repeat(1025) },
      field("reason", "must have at most 1024 characters, has 1025"),
    ],
    ["no task to delete", "DeleteTask", {}, field("task_id", "must not be empty")],
    [
      "a name that is too long",
      "CreateTask",
      { agent: "desk", name: "n".repeat(257) },
      field("name", "must have at most 256 characters, has 257"),
    ],
    [
      "too many labels",
      "CreateTask",
      { agent: "desk", labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, ""])) },
      field("labels", "must have at most 64 entries, has 65"),
    ],
    [
      "a bad key of a label",
      "CreateTask",
      { agent: "desk", labels: { "a b": "c" } },
      field('labels["a b"]', expect.stringContaining("the key must match")),
    ],
    [
      "__proto__ as the key of a label",
      "CreateTask",
      { agent: "desk", labels: JSON.parse('{"__proto__": "x"}') },
      field('labels["__proto__"]', expect.stringContaining("the key must match")),
    ],
    [
      "a value of a label that is too long",
      "CreateTask",
      { agent: "desk", labels: { a: "v".repeat(64) } },
      field('labels["a"]', "must have at most 63 characters, has 64"),
    ],
    [
      "a first event without parts",
      "CreateTask",
      { agent: "desk", event: {} },
      field("event.parts", "must not be empty"),
    ],
    [
      "a lone surrogate",
      "CreateTask",
      { agent: "desk", name: "\ud800" },
      malformed(/CreateTaskRequest\.name/),
    ],
    [
      "a lone surrogate deep in a Struct",
      "CreateTask",
      { agent: "desk", params: { a: [{ b: "\udfff" }] } },
      field("params.a[0].b", "must be well-formed Unicode, without lone surrogates"),
    ],
    [
      "an enum value that is not known, by number",
      "ListTasks",
      { states: [99] },
      field("states[0]", "must be a value of pigeonhole.v1.TaskState, is 99"),
    ],
    [
      "the enum value that is none",
      "ListEvents",
      { taskId, states: ["EVENT_STATE_UNSPECIFIED"] },
      field("states[0]", "must not be EVENT_STATE_UNSPECIFIED"),
    ],
    [
      "an enum value that is not known, by name",
      "ListTasks",
      { states: ["NAPPING"] },
      malformed(/TaskState.*NAPPING/),
    ],
    ["a number for a string", "CreateTask", { agent: 5 }, malformed(/CreateTaskRequest\.agent/)],
    ["a string for a message", "CreateTask", { agent: "desk", event: "x" }, malformed(/event|EventInput/)],
    ["an object for a list", "SendEvent", { taskId, parts: {} }, malformed(/SendEventRequest\.parts/)],
    ["a word for a number", "ListTasks", { pageSize: "many" }, malformed(/ListTasksRequest\.page_size/)],
    [
      "a number that is too large",
      "ListTasks",
      { pageSize: 2 ** 31 },
      malformed(/ListTasksRequest\.page_size/),
    ],
    [
      "bytes that are not base64",
      "SendEvent",
      { taskId, parts: [{ file: { bytes: "%" } }] },
      malformed(/bytes/),
    ],
    ["two of a oneof", "SendEvent", { taskId, parts: [{ text: "x", data: 1 }] }, malformed(/content/)],
    ["a field that is not known", "CreateTask", { agent: "desk", nmae: "x" }, malformed(/nmae/)],
    [
      "a Struct nested 200 deep",
      "CreateTask",
      { agent: "desk", params: nested(200) },
      malformed(/depth of 100/),
    ],
    ["null", "CreateTask", null, malformed(/CreateTaskRequest/)],
    ["a list", "CreateTask", [], malformed(/CreateTaskRequest/)],
  ];
}
