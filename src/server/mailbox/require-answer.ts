import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { EventInput } from "../../proto.ts";
import { type FieldViolation, TaskError } from "../errors.ts";
import type { QuestionRecord } from "../store/records.ts";
import { checkAnswer } from "./question-schema.ts";

/**
 * Throws ANSWER_INVALID, naming the places under `path`, unless an event fits the schema of the question that it answers.
 *
 * Says nothing of an event that answers another question than the open one: whether that is refused, or a request that was answered
 * before, is for the store to say, in its transaction. A question's schema never changes.
 */
export function requireAnswer(open: QuestionRecord | undefined, input: EventInput, path: string): void {
  if (open?.schema === undefined || open.id !== input.answers) return;
  const fields = violationsOf(open.schema, input, path);
  const [first] = fields;
  if (first === undefined) return;
  throw new TaskError("ANSWER_INVALID", `${first.field}: ${first.description}`, { fields });
}

function violationsOf(schema: string, { parts }: EventInput, path: string): FieldViolation[] {
  const answers = parts.flatMap(({ content }, index) =>
    content.case === "data" ? [{ value: content.value, index }] : [],
  );
  const [answer] = answers;
  if (answer === undefined || answers.length > 1) {
    const description = `must have exactly one data part, which is the answer, has ${answers.length}`;
    return [{ field: `${path}parts`, description }];
  }
  return checkAnswer(schema, toJson(ValueSchema, answer.value), `${path}parts[${answer.index}].data`);
}
