import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { floatFor, keyFor, type Source, textFor, timeFor, wholeFor } from "./values.ts";
import { countFor, fieldsToSet } from "./wild-json.ts";

/** Writes a message of a type as protobuf, calm or strange. What is written need not be protobuf at all. */
export function wildBinary(desc: DescMessage, source: Source, depth = 0): Uint8Array {
  const writer = new BinaryWriter();
  if (desc.typeName === "google.protobuf.Timestamp" || desc.typeName === "google.protobuf.Duration") {
    return timeBytes(writer, desc, source);
  }
  if (desc.typeName === "google.protobuf.Struct" && source.chance(source.oddness / 10))
    return deepBytes(source);
  for (const field of fieldsToSet(desc, source, depth)) {
    writeField(writer, field, source, depth);
    // The last of a field counts, and messages are merged.
    if (source.chance(source.oddness / 5)) writeField(writer, field, source, depth);
  }
  if (source.chance(source.oddness)) writer.raw(strangeField(source));
  return writer.finish();
}

function writeField(writer: BinaryWriter, field: DescField, source: Source, depth: number): void {
  const isMany = field.fieldKind === "list" || field.fieldKind === "map";
  const count = isMany ? countFor(field, source) : 1;
  for (let at = 0; at < count; at++) {
    if (source.chance(source.oddness / 10)) {
      writer.tag(field.number, source.pick([0, 1, 2, 3, 4, 5])).raw(noise(source, 6));
    } else if (field.fieldKind === "map") {
      const entry = new BinaryWriter()
        .tag(1, WireType.LengthDelimited)
        .string(keyFor(source) + (at > 5 ? at : ""));
      writeSingle(entry, 2, field, source, depth);
      writer.tag(field.number, WireType.LengthDelimited).bytes(entry.finish());
    } else {
      writeSingle(writer, field.number, field, source, depth);
    }
  }
}

function writeSingle(
  writer: BinaryWriter,
  no: number,
  field: DescField,
  source: Source,
  depth: number,
): void {
  if (field.message !== undefined) {
    const inner = depth > 12 ? new Uint8Array() : wildBinary(field.message, source, depth + 1);
    writer.tag(no, WireType.LengthDelimited).bytes(inner);
  } else if (field.enum !== undefined) {
    const value = source.chance(source.oddness)
      ? source.pick([-1, 99, 2 ** 31 - 1, -(2 ** 31)])
      : (source.from(field.enum.values, undefined)?.number ?? 0);
    writer.tag(no, WireType.Varint).int32(value);
  } else if (field.scalar === 9 && source.chance(source.oddness / 5)) {
    writer.tag(no, WireType.LengthDelimited).bytes(source.from(notUtf8, notUtf8Default));
  } else if (field.scalar === 9) {
    writer.tag(no, WireType.LengthDelimited).string(textFor(field, source).toWellFormed());
  } else if (field.scalar === 12) {
    writer.tag(no, WireType.LengthDelimited).bytes(noise(source, 40));
  } else if (field.scalar === 1) {
    writer.tag(no, WireType.Bit64).double(floatFor(source));
  } else if (field.scalar === 2) {
    writer.tag(no, WireType.Bit32).fixed32(source.between(0, 2 ** 32 - 1));
  } else {
    writer.tag(no, WireType.Varint).uint64(BigInt.asUintN(64, wholeFor(field, source)));
  }
}

const notUtf8Default = Buffer.from("61ff", "hex");
/** A stray byte, a surrogate, an overlong slash, half a character, beyond U+10FFFF. */
const notUtf8 = ["61ff", "eda080", "c0af", "e282", "f4908080"].map((hex) => Buffer.from(hex, "hex"));

function noise(source: Source, most: number): Uint8Array {
  return Uint8Array.from({ length: source.between(0, most) }, () => source.between(0, 255));
}

/** What no writer of protobuf would write: groups, varints that do not end or are longer than need be, fields of number 0. */
function strangeField(source: Source): Uint8Array {
  return Buffer.from(
    source.pick([
      "0b0c", // A group of field 1 that is closed,
      "0b", // one that is not,
      "0c", // and one that was not opened.
      "0b".repeat(500),
      `${"0b".repeat(150)}${"0c".repeat(150)}`,
      "08ffffffffffffffffffff01",
      "088080808080808080808000",
      "8a80808000026162",
      "0000",
      "0e00",
      "0f00",
      "faffffff0f0161",
      "0affffffff0f61",
      "0affffffff07",
      "f8ffffff0f01",
    ]),
    "hex",
  );
}

function timeBytes(writer: BinaryWriter, desc: DescMessage, source: Source): Uint8Array {
  const { seconds, nanos } = timeFor(source, desc.typeName.endsWith("Duration"));
  return writer
    .tag(1, WireType.Varint)
    .uint64(BigInt.asUintN(64, seconds))
    .tag(2, WireType.Varint)
    .int32(nanos)
    .finish();
}

/** A Struct nested at, beyond or far beyond what is allowed. */
function deepBytes(source: Source): Uint8Array {
  let inner = new Uint8Array();
  for (let level = source.pick([29, 30, 31, 99, 101, 400]); level > 0; level--) {
    const value = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(inner).finish();
    const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(source.pick(["a", "__proto__"]));
    entry.tag(2, WireType.LengthDelimited).bytes(value);
    inner = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(entry.finish()).finish();
  }
  return inner;
}
