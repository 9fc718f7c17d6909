import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { CreateTaskRequestSchema, SendEventRequestSchema } from "../src/proto.ts";
import { startBadInputServer } from "./bad-input-server.ts";
import { binaryFormats } from "./bad-input-wire.ts";
import { text } from "./service-follow.ts";

const { server, taskId } = await startBadInputServer();

const field = (path: string, description: string) => ({
  code: "InvalidArgument",
  reason: "FIELD_INVALID",
  fields: { [path]: description },
});

/** Encodes a valid request, and then a field as it is. */
function withField(no: number, write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  writer
    .raw(encode(CreateTaskRequestSchema, { agent: "desk" }))
    .tag(no, WireType.LengthDelimited)
    .fork();
  write(writer);
  return writer.join().finish();
}

function encode<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Uint8Array {
  return toBinary(schema, create(schema, message));
}

/** Encodes a google.protobuf.Struct with one entry. */
function struct(key: Uint8Array, value: Uint8Array): Uint8Array {
  const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(key);
  entry.tag(2, WireType.LengthDelimited).bytes(value);
  return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(entry.finish()).finish();
}

/** Encodes a google.protobuf.Value that is a Struct, so many deep. */
function nested(depth: number): Uint8Array {
  let inner = encode(StructSchema, {});
  for (let level = 1; level < depth; level++) {
    inner = struct(
      Buffer.from("a"),
      new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(inner).finish(),
    );
  }
  return inner;
}

const nan = new BinaryWriter().tag(2, WireType.Bit64).double(Number.NaN).finish();
const invalidUtf8 = Uint8Array.of(0x61, 0xff);
const surrogate = Uint8Array.of(0xed, 0xa0, 0x80);
const valid = encode(CreateTaskRequestSchema, { agent: "desk", name: "valid" });

const malformed: [what: string, request: Uint8Array][] = [
  ["half a request", valid.subarray(0, -1)],
  ["garbage", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff)],
  ["a length beyond the end", Uint8Array.of(0x0a, 0x7f, 0x61)],
  ["a varint without an end", Uint8Array.of(0x08, ...Array(11).fill(0x80))],
  ["JSON", Buffer.from('{"agent": "desk"}')],
  ["invalid UTF-8", withField(2, (writer) => writer.raw(invalidUtf8))],
  ["a lone surrogate", withField(2, (writer) => writer.raw(surrogate))],
  ["invalid UTF-8 in a key of a Struct", withField(3, (writer) => writer.raw(struct(invalidUtf8, nan)))],
  ["a Struct nested 200 deep", withField(3, (writer) => writer.raw(nested(200)))],
];

describe.each(binaryFormats)("binary over $name", ({ send }) => {
  it.each(malformed)("%s cannot be read", async (_, request) => {
    expect(await send(server, "TaskService/CreateTask", request)).toMatchObject({
      code: "InvalidArgument",
      reason: "REQUEST_MALFORMED",
    });
  });

  it("a Struct nested 31 deep is out of bounds", async () => {
    const request = withField(3, (writer) => writer.raw(nested(31)));
    const path = `params${".a".repeat(30)}`;
    expect(await send(server, "TaskService/CreateTask", request)).toMatchObject(
      field(path, "must be nested at most 30 deep"),
    );
  });

  it("NaN in a Struct is out of bounds", async () => {
    const request = withField(3, (writer) => writer.raw(struct(Buffer.from("a"), nan)));
    expect(await send(server, "TaskService/CreateTask", request)).toMatchObject(
      field("params.a", "must be a finite number"),
    );
  });

  it("infinity in a part is out of bounds", async () => {
    const data = { kind: { case: "numberValue" as const, value: Number.POSITIVE_INFINITY } };
    const request = encode(SendEventRequestSchema, {
      taskId,
      parts: [text("x"), { content: { case: "data", value: data } }],
    });
    expect(await send(server, "TaskService/SendEvent", request)).toMatchObject(
      field("parts[1].data", "must be a finite number"),
    );
  });

  it("a Value that is nothing is out of bounds", async () => {
    const request = encode(SendEventRequestSchema, {
      taskId,
      parts: [{ content: { case: "data", value: {} } }],
    });
    expect(await send(server, "TaskService/SendEvent", request)).toMatchObject(
      field("parts[0].data", "must have a kind; null is null_value"),
    );
  });
});
