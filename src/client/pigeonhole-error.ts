import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, ErrorReason, RetryInfoSchema } from "../proto.ts";

/** A reason that a Pigeonhole server gives: a name of `pigeonhole.v1.ErrorReason`. */
export type ServerReason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/**
 * Why a call failed: a server's reason, or one of the client's own.
 *
 * - `CONNECTION_LOST`: no whole answer came. Whether the call had an effect is not known.
 * - `UNRECOGNIZED`: the answer is not one that this client knows: a proxy's, or of a newer server, or one that its transport cannot read.
 *   `code` tells its kind.
 */
export type Reason = ServerReason | "CONNECTION_LOST" | "UNRECOGNIZED";

/** A field of a request that is out of its bounds. */
export interface FieldViolation {
  /** The field's path, as in `parts[0].text`. */
  readonly field: string;
  /** What is wrong, with the bound. */
  readonly description: string;
}

/** What an error tells besides its reason. */
export interface ErrorDetails {
  fields?: readonly FieldViolation[];
  retryAfter?: number | undefined;
  metadata?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** The one error of this client: a reason for programs, a message for people, details for both. */
export class PigeonholeError extends Error {
  override readonly name = "PigeonholeError";
  readonly reason: Reason;
  /** The canonical code (google.rpc.Code) of the reason. */
  readonly code: Code;
  /** The fields that are out of bounds, when the reason is `FIELD_INVALID`, or what is wrong with an answer, when it is `ANSWER_INVALID`. */
  readonly fields: readonly FieldViolation[];
  /** How many milliseconds the server asks to wait before the next try. Absent when it does not say that waiting helps. */
  readonly retryAfter: number | undefined;
  /** Facts about the error for a program, such as `error_id`. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: Reason, code: Code, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.reason = reason;
    this.code = code;
    this.fields = details.fields ?? [];
    this.retryAfter = details.retryAfter;
    this.metadata = details.metadata ?? {};
  }
}

/** Tells whether something that was thrown is a PigeonholeError with one of these reasons. */
export function isReason<R extends Reason>(
  error: unknown,
  ...reasons: readonly R[]
): error is PigeonholeError & { readonly reason: R } {
  return error instanceof PigeonholeError && reasons.some((reason) => reason === error.reason);
}

/** Turns what a call was rejected with into a PigeonholeError. */
export function toPigeonholeError(thrown: unknown): PigeonholeError {
  if (thrown instanceof PigeonholeError) return thrown;
  const error = ConnectError.from(thrown);
  if (isUnsendable(error)) return malformed(thrown);
  if (isUnreadable(error) && !mayBeCutOff(error)) return unreadable(error, "the answer");
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "pigeonhole");
  const retryDelay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const reason = info === undefined ? reasonWithoutInfo(error) : knownReason(info.reason);
  const lost = reason === "CONNECTION_LOST";
  const what = isUnreadable(error) ? "the answer is not whole" : "the server cannot be reached";
  const message = lost ? `${what}: ${rootMessage(error)}` : error.rawMessage;
  return new PigeonholeError(reason, error.code, message, {
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations)
      .map(({ field, description }) => ({ field, description })),
    retryAfter: retryDelay && durationMs(retryDelay),
    metadata: info?.metadata ?? {},
    cause: thrown,
  });
}

/** Makes the error for a request that cannot be made or encoded. */
export function malformed(cause: unknown): PigeonholeError {
  const { rawMessage } = ConnectError.from(cause);
  return new PigeonholeError("REQUEST_MALFORMED", Code.InvalidArgument, rawMessage, { cause });
}

/**
 * Tells whether a transport was given a request and could not encode it, as with a number that is not whole. It was not sent, and never will
 * be. As of what cannot be decoded, only the words tell.
 */
function isUnsendable({ details, rawMessage }: ConnectError): boolean {
  return details.length === 0 && /^(serialize binary: )?cannot encode /.test(rawMessage);
}

/**
 * Tells whether a transport was given a message and could not decode it: as with a google.protobuf.Any in JSON of a type that it has
 * not in its registry. If the message was whole, asking again would bring the same one. It shows in the words of Connect and Protobuf-ES
 * alone, since the codes are also those of connections that broke.
 */
export function isUnreadable(thrown: unknown): boolean {
  const error = ConnectError.from(thrown);
  return error.details.length === 0 && /^(parse binary: |cannot decode )/.test(error.rawMessage);
}

/**
 * Tells whether what could not be decoded may be the beginning of a message: bytes, or a text that is no JSON. A stream says how long each of
 * its messages is; the body of a single answer may have ended with its connection, which then nobody has noticed.
 */
function mayBeCutOff({ rawMessage, cause }: ConnectError): boolean {
  const isText = rawMessage.startsWith("cannot decode ");
  return !isText || (cause instanceof Error && cause.cause instanceof SyntaxError);
}

/** Makes the error for what a transport cannot decode. `what` names it, and `metadata` says where it is. */
export function unreadable(
  thrown: unknown,
  what: string,
  metadata: Readonly<Record<string, string>> = {},
): PigeonholeError {
  const message = `${what} cannot be read: ${ConnectError.from(thrown).rawMessage}`;
  return new PigeonholeError("UNRECOGNIZED", Code.Internal, message, { metadata, cause: thrown });
}

/** Finds what is at the bottom of an error: fetch says only that it failed, and why is in its cause. */
function rootMessage(error: ConnectError): string {
  let message = error.rawMessage;
  let cause = error.cause;
  for (let depth = 0; cause instanceof Error && depth < 8; depth++) {
    if (cause.message !== "") message = cause instanceof ConnectError ? cause.rawMessage : cause.message;
    cause = cause.cause;
  }
  return message;
}

function knownReason(name: string): Reason {
  return isServerReason(name) ? name : "UNRECOGNIZED";
}

function isServerReason(name: string): name is ServerReason {
  return /^[A-Z]/.test(name) && name !== "UNSPECIFIED" && name in ErrorReason;
}

/** A status by which something in between refuses a request, and would again: all that blame it, but for those of a time or a connection. */
const refusedByHttp = /^HTTP 4(?!08|21|25|29)\d\d$/;

/**
 * Judges an error that does not come from Pigeonhole, whose errors all carry an ErrorInfo.
 *
 * How a lost connection looks is up to the transport. Over fetch, a refused or broken one is Unknown; a body that ends early is
 * Unknown or InvalidArgument. Over Node's HTTP it is Unavailable, Aborted, Internal or Canceled, by where it broke.
 */
function reasonWithoutInfo({ code, rawMessage }: ConnectError): Reason {
  if (refusedByHttp.test(rawMessage)) return "UNRECOGNIZED";
  switch (code) {
    case Code.Unknown:
    case Code.InvalidArgument:
    case Code.Unavailable:
    case Code.Aborted:
    case Code.Internal:
    case Code.Canceled:
    case Code.DataLoss:
      return "CONNECTION_LOST";
    case Code.DeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    default:
      return "UNRECOGNIZED";
  }
}
