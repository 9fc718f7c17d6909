import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { GetTaskStateResponseSchema, TaskStateRevisionSchema } from "../../proto.ts";
import type { StateRecord, StateRevision } from "../store/records.ts";

/** Renders a state as the protocol shows it. */
export function renderState({
  values,
  revision,
  sequence,
}: StateRecord): MessageInitShape<typeof GetTaskStateResponseSchema> {
  const state: JsonObject = Object.fromEntries(
    Object.entries(values).map(([key, text]) => [key, JSON.parse(text)]),
  );
  return { state, revision: BigInt(revision), sequence: BigInt(sequence) };
}

/** Renders a revision as the protocol lists it. */
export function renderRevision({
  revision,
  sequence,
  commitTime,
  changedKeys,
}: StateRevision): MessageInitShape<typeof TaskStateRevisionSchema> {
  return {
    revision: BigInt(revision),
    sequence: BigInt(sequence),
    commitTime: timestampFromMs(commitTime),
    changedKeys,
  };
}
