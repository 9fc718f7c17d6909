import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { malformed } from "./pigeonhole-error.ts";

/**
 * Makes a request of its own of what a caller has given, who may change that while the call waits for a token or for its next try: it stays
 * the request that its id identifies. Throws `REQUEST_MALFORMED` if it cannot be encoded.
 */
export function createRequest<Desc extends DescMessage>(
  schema: Desc,
  init: MessageInitShape<Desc>,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, toBinary(schema, create(schema, init)));
  } catch (cause) {
    throw malformed(cause);
  }
}
