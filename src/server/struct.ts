import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";

/** Decodes a stored google.protobuf.Struct. */
export function structOf(bytes: Uint8Array): JsonObject {
  return toJson(StructSchema, fromBinary(StructSchema, bytes));
}

/** Encodes a google.protobuf.Struct to be stored. */
export function structBytes(value: JsonObject): Uint8Array {
  return toBinary(StructSchema, fromJson(StructSchema, value));
}
