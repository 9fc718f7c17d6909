import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../proto.ts";
import { codes } from "./error-codes.ts";
import { type ErrorDetails, type Reason, TaskError } from "./errors.ts";
import { limitOf } from "./limit-refusals.ts";

/** The domain of every ErrorInfo. */
const domain = "pigeonhole";
/** The most characters that are kept of a message of connect's. */
const maxMessage = 512;

/** Takes note of a defect: an error that says nothing to the caller, under the id that the caller is told. */
export type ReportError = (error: unknown, errorId: string) => void;

/**
 * Turns whatever was thrown into the error that goes over the wire, with the code that belongs to its reason, exactly
 * one google.rpc.ErrorInfo, and the further details that help.
 *
 * A TaskError keeps its reason and its message. An error of connect's own (the request cannot be parsed, is too large,
 * its deadline has passed) gets the reason that it stands for. Everything else is a defect: the caller is told
 * "internal error" and an id, and `report` is given the error under that id.
 */
export function toConnectError(error: unknown, report: ReportError, newId: () => string): ConnectError {
  if (error instanceof TaskError && error.reason !== "INTERNAL") {
    // The caller is told all there is to tell, and can do nothing about it: it is for the operator to know.
    if (error.reason === "STORE_UNAVAILABLE") report(error, newId());
    return create(error.reason, error.message, error.details, error);
  }
  if (error instanceof ConnectError) {
    if (hasErrorInfo(error)) return error;
    const known = recognize(error);
    if (known !== undefined) return create(known.reason, brief(known.message), {}, error);
  } else if (error instanceof Error && error.name === "AbortError") {
    return create("CALLER_GONE", "the call was aborted", {}, error);
  } else if (error instanceof Error && error.name === "TimeoutError") {
    return create("DEADLINE_EXCEEDED", "the deadline has passed", {}, error);
  }
  const errorId = newId();
  report(error, errorId);
  return create("INTERNAL", "internal error", { metadata: { error_id: errorId } }, error);
}

/** Tells whether an error already carries the ErrorInfo that every error must carry, sent or received. */
export function hasErrorInfo(error: ConnectError): boolean {
  return error.details.some(
    (detail) => ("desc" in detail ? detail.desc.typeName : detail.type) === ErrorInfoSchema.typeName,
  );
}

/** Names the reason that an error of connect's own stands for. Knows none for an error that is no fault of the caller. */
function recognize(error: ConnectError): { reason: Reason; message: string } | undefined {
  const message = error.rawMessage;
  switch (error.code) {
    case Code.InvalidArgument:
      return { reason: "REQUEST_MALFORMED", message };
    case Code.ResourceExhausted:
      return { reason: "REQUEST_TOO_LARGE", message };
    case Code.DeadlineExceeded:
      return { reason: "DEADLINE_EXCEEDED", message: "the deadline has passed" };
    case Code.Canceled:
    case Code.Aborted:
      return { reason: "CALLER_GONE", message: "the call was aborted" };
    case Code.Unimplemented:
      // No message, or more than one, where there must be one: connect says unimplemented, and means the request.
      return {
        reason: message.startsWith("protocol error") ? "REQUEST_MALFORMED" : "METHOD_UNKNOWN",
        message,
      };
    case Code.Internal:
      return /^(parse binary:|decompression failed|received compressed envelope)/.test(message)
        ? {
            reason: "REQUEST_MALFORMED",
            message: message.replace("parse binary:", "cannot decode the request:"),
          }
        : undefined;
    default:
      return undefined;
  }
}

/** Shortens a message that repeats what was sent, which may be of any length: gRPC puts it into a header. */
function brief(message: string): string {
  return message.length > maxMessage ? `${message.slice(0, maxMessage)}…` : message;
}

function create(reason: Reason, message: string, details: ErrorDetails, cause: unknown): ConnectError {
  const { fields, retryAfter, resource, precondition } = details;
  const limit = limitOf(cause);
  const metadata = { ...details.metadata, ...(limit !== undefined && { limit }) };
  const error = new ConnectError(message.toWellFormed(), codes[reason], undefined, undefined, cause);
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain, metadata } });
  if (fields !== undefined) {
    error.details.push({ desc: BadRequestSchema, value: { fieldViolations: fields } });
  }
  if (retryAfter !== undefined) {
    error.details.push({
      desc: RetryInfoSchema,
      value: { retryDelay: durationFromMs(Math.ceil(retryAfter)) },
    });
  }
  if (resource !== undefined) {
    const { type, name } = resource;
    error.details.push({ desc: ResourceInfoSchema, value: { resourceType: type, resourceName: name } });
  }
  if (precondition !== undefined) {
    error.details.push({
      desc: PreconditionFailureSchema,
      value: { violations: [{ type: reason, ...precondition }] },
    });
  }
  return error;
}
