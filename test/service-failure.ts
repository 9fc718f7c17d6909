import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../src/proto.ts";

/** What a call failed with. What it does not tell is absent. */
export interface Failure {
  code: string;
  reason: string;
  message: string;
  metadata: Record<string, string>;
  /** The paths of the fields that are wrong, and what is wrong with each. */
  fields?: Record<string, string>;
  /** In milliseconds. */
  retryAfter?: number;
  resource?: string;
  precondition?: { type: string; subject: string; description: string };
}

/** Gives what a call fails with. The test fails if it does not, or if the error is not one that the API promises. */
export async function failureOf(call: PromiseLike<unknown>): Promise<Failure> {
  const error: unknown = await call.then(
    (answer) => expect.fail(`did not fail, but answered ${typeof answer}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) throw error;
  return readFailure(error);
}

/** Reads an error of the API. */
export function readFailure(error: ConnectError): Failure {
  expectNoInnards(error.message);
  const infos = error.findDetails(ErrorInfoSchema);
  expect(infos.map(({ domain }) => domain)).toEqual(["pigeonhole"]);
  const [info] = infos;
  const [badRequest] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const [resource] = error.findDetails(ResourceInfoSchema);
  const violation = error.findDetails(PreconditionFailureSchema)[0]?.violations[0];
  return {
    code: Code[error.code],
    reason: info?.reason ?? "",
    message: error.rawMessage,
    metadata: info?.metadata ?? {},
    ...(badRequest && {
      fields: Object.fromEntries(
        badRequest.fieldViolations.map(({ field, description }) => [field, description]),
      ),
    }),
    ...(retry?.retryDelay && { retryAfter: durationMs(retry.retryDelay) }),
    ...(resource && { resource: `${resource.resourceType} ${resource.resourceName}` }),
    ...(violation && {
      precondition: {
        type: violation.type,
        subject: violation.subject,
        description: violation.description,
      },
    }),
  };
}

/** Fails if a text tells how the server is made: a stack, a file, a statement of SQL. */
export function expectNoInnards(text: string): void {
  expect(text).not.toMatch(
    /\n\s+at |\.[jt]s:\d|node_modules|sqlite|\b(select|insert|update|delete) .* (from|into|set|where) /i,
  );
}
