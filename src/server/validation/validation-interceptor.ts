import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { TaskError } from "../errors.ts";
import type { ContentBounds } from "./findings.ts";
import { violations } from "./violations.ts";

/**
 * Refuses requests that break the rules of their proto, before anything else looks at them: with FIELD_INVALID, whose
 * details name the path and the bound of each field that is wrong. `bounds` are the operator's, where they are tighter.
 */
export function createValidationInterceptor(bounds?: ContentBounds): Interceptor {
  return (next) => (request) => {
    if (!request.stream) {
      assertValid(request.method.input, request.message, bounds);
      return next(request);
    }
    return next({ ...request, message: validated(request.method.input, request.message, bounds) });
  };
}

async function* validated<Desc extends DescMessage>(
  schema: Desc,
  messages: AsyncIterable<MessageShape<Desc>>,
  bounds: ContentBounds | undefined,
): AsyncIterable<MessageShape<Desc>> {
  for await (const message of messages) {
    assertValid(schema, message, bounds);
    yield message;
  }
}

function assertValid<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  bounds: ContentBounds | undefined,
): void {
  const fields = violations(schema, message, bounds);
  const [first] = fields;
  if (first === undefined) return;
  const others = fields.length === 1 ? "" : ` (and ${fields.length - 1} more)`;
  throw new TaskError("FIELD_INVALID", `${first.field}: ${first.description}${others}`, { fields });
}
