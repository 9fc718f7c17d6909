import { createRegistry } from "@bufbuild/protobuf";
import { ErrorInfoSchema } from "../proto.ts";

/** The types that the errors in a log carry, so that they can be told in JSON. */
export const errorRegistry = createRegistry(ErrorInfoSchema);
