import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { FieldViolation } from "../errors.ts";
import { type ContentBounds, Findings } from "./findings.ts";
import { messageCheck } from "./message-check.ts";

/**
 * Finds which fields of a message break the rules that its proto declares, 16 at most; none if all is well.
 *
 * The rules of a type are read once, by reflection; after that a small message takes a few microseconds. Besides its
 * declared bounds, every string must be well-formed Unicode, every number finite, every enum value a known one, every
 * Timestamp and Duration one that protobuf knows.
 */
export function violations<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  bounds?: ContentBounds,
): FieldViolation[] {
  const findings = new Findings(bounds);
  messageCheck(schema)(message, findings);
  return findings.violations;
}
