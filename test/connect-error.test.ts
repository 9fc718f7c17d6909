import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  ErrorReason,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../src/proto.ts";
import { toConnectError } from "../src/server/connect-error.ts";
import { codes } from "../src/server/error-codes.ts";
import { type Reason, TaskError } from "../src/server/errors.ts";

function convert(error: unknown) {
  const reported: [unknown, string][] = [];
  const converted = toConnectError(
    error,
    (...defect) => void reported.push(defect),
    () => "id-1",
  );
  const [info, ...others] = converted.findDetails(ErrorInfoSchema);
  expect(others).toEqual([]);
  expect(info?.domain).toBe("pigeonhole");
  return { error: converted, info, reported };
}

describe("a TaskError", () => {
  it("has the code that the proto says its reason goes with", async () => {
    const { readFile } = await import("node:fs/promises");
    const proto = await readFile("proto/pigeonhole/v1/error_reason.proto", "utf8");
    for (const [, code, reason] of proto.matchAll(
      /\/\/ ([A-Z_]+)[:,](?:.*\n)(?: *\/\/.*\n)* *ERROR_REASON_(\w+) =/g,
    )) {
      const name = Code[codes[reason as Reason]]?.replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
      expect([reason, name?.replace("CANCELED", "CANCELLED")]).toEqual([reason, code]);
    }
    expect(Object.keys(codes).sort()).toEqual(
      Object.keys(ErrorReason)
        .filter((name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED")
        .sort(),
    );
  });

  it("keeps its message, its reason and its details", () => {
    const { error, info, reported } = convert(
      new TaskError("MAILBOX_FULL", "it is full", {
        metadata: { max_pending: "10" },
        fields: [{ field: "parts[0].text", description: "is long" }],
        retryAfter: 1_500.2,
        resource: { type: "task", name: "t" },
        precondition: { subject: "task/t", description: "is CANCELLED" },
      }),
    );
    expect([error.code, error.rawMessage]).toEqual([Code.ResourceExhausted, "it is full"]);
    expect(info).toEqual(
      create(ErrorInfoSchema, {
        reason: "MAILBOX_FULL",
        domain: "pigeonhole",
        metadata: { max_pending: "10", limit: "mailbox" },
      }),
    );
    expect(error.findDetails(BadRequestSchema)).toMatchObject([
      { fieldViolations: [{ field: "parts[0].text", description: "is long" }] },
    ]);
    const [retry] = error.findDetails(RetryInfoSchema);
    expect(retry?.retryDelay && durationMs(retry.retryDelay)).toBe(1_501);
    expect(error.findDetails(ResourceInfoSchema)).toMatchObject([
      { resourceType: "task", resourceName: "t" },
    ]);
    expect(error.findDetails(PreconditionFailureSchema)).toMatchObject([
      { violations: [{ type: "MAILBOX_FULL", subject: "task/t", description: "is CANCELLED" }] },
    ]);
    expect(reported).toEqual([]);
  });

  it("has no details but its ErrorInfo when there are none", () => {
    expect(convert(new TaskError("TASK_FINISHED", "it is over")).error.details).toHaveLength(1);
  });
});

describe("an error of connect's own", () => {
  it.each([
    [new ConnectError("the operation timed out", Code.DeadlineExceeded), "DEADLINE_EXCEEDED"],
    [new ConnectError("gone", Code.Canceled), "CALLER_GONE"],
    [new ConnectError("write after end", Code.Aborted), "CALLER_GONE"],
    [new ConnectError("parse binary: premature EOF", Code.Internal), "REQUEST_MALFORMED"],
    [new ConnectError("decompression failed", Code.Internal), "REQUEST_MALFORMED"],
    [new ConnectError("protocol error: missing input message", Code.Unimplemented), "REQUEST_MALFORMED"],
    [new ConnectError("cannot decode field a.B.c from JSON", Code.InvalidArgument), "REQUEST_MALFORMED"],
    [new ConnectError("message size 9 is larger", Code.ResourceExhausted), "REQUEST_TOO_LARGE"],
    [new ConnectError("x is not implemented", Code.Unimplemented), "METHOD_UNKNOWN"],
    [new DOMException("stop", "AbortError"), "CALLER_GONE"],
    [new DOMException("late", "TimeoutError"), "DEADLINE_EXCEEDED"],
  ] as const)("gets the reason that it stands for: %s", (error, reason) => {
    const { error: converted, info, reported } = convert(error);
    expect([info?.reason, converted.code]).toEqual([reason, codes[reason]]);
    expect(reported).toEqual([]);
  });

  it("is left as it is when it has an ErrorInfo", () => {
    const first = convert(new TaskError("TASK_NOT_FOUND", "none")).error;
    expect(convert(first).error).toBe(first);
  });
});

describe("anything else", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;

  it.each([
    new Error("select * from secrets"),
    new ConnectError("at /srv/store.ts:1", Code.Internal),
    new ConnectError("not authorised to another service", Code.Unauthenticated),
    new TaskError("INTERNAL", "an invariant of the store is broken"),
    "a string",
    undefined,
    null,
    cyclic,
  ])("is a defect: reported under an id, which is all that is told (%#)", (thrown) => {
    const { error, info, reported } = convert(thrown);
    expect([error.code, error.rawMessage]).toEqual([Code.Internal, "internal error"]);
    expect(info).toMatchObject({ reason: "INTERNAL", metadata: { error_id: "id-1" } });
    expect(reported).toEqual([[thrown, "id-1"]]);
  });
});
