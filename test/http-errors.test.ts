import { gzipSync } from "node:zlib";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SendEventRequestSchema } from "../src/proto.ts";
import {
  doorFormat,
  type Format,
  frame,
  type RawRequest,
  type Rig,
  reasonOf,
  send,
  startRig,
  streamFormats,
  unaryFormats,
} from "./http-rig.ts";

const unaryPath = "/pigeonhole.v1.TaskService/SendEvent";
const streamPath = "/pigeonhole.v1.TaskService/SubscribeTask";
const readMaxBytes = 64 * 1024;
const bomb = gzipSync(Buffer.alloc(256 * readMaxBytes));

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ limits: { maxMessageBytes: readMaxBytes } });
});
afterAll(() => rig[Symbol.asyncDispose]());

interface Case {
  name: string;
  code: Code;
  reason: string;
  message: RegExp;
  request(format: Format): Partial<RawRequest> & { data?: Uint8Array; flags?: number };
  /** Whether the gRPC door takes it: grpc-js reads what is marked as compressed, without an encoding, as it is. */
  isTakenAtDoor?: true;
}

const valid = (format: Format, taskId = "ok"): Uint8Array => {
  const message = create(SendEventRequestSchema, {
    taskId,
    parts: [{ content: { case: "text", value: "hi" } }],
  });
  // The first field of both requests is the task's id. In JSON the others would be refused.
  return format.json
    ? Buffer.from(toJsonString(SendEventRequestSchema, message))
    : toBinary(SendEventRequestSchema, message);
};
const compressed = (format: Format, data: Uint8Array) => ({
  data,
  flags: 1,
  headers: { [format.encodingHeader]: "gzip" },
});

const cases: Case[] = [
  {
    name: "bytes that are no message",
    code: Code.InvalidArgument,
    reason: "REQUEST_MALFORMED",
    message: /cannot decode|illegal/,
    request: ({ json }) => ({ data: Buffer.from(json ? "{" : [0x0a, 0xff, 0xff]) }),
  },
  {
    name: "what says that it is compressed, and is not, or does not say how",
    isTakenAtDoor: true,
    code: Code.InvalidArgument,
    reason: "REQUEST_MALFORMED",
    message: /decompress/,
    request: (format) => ({
      data: valid(format),
      ...(format.enveloped ? { flags: 1 } : { headers: { "content-encoding": "gzip" } }),
    }),
  },
  {
    name: "a string that is not UTF-8",
    code: Code.InvalidArgument,
    reason: "REQUEST_MALFORMED",
    message: /utf-?8/i,
    request: ({ json }) => ({
      data: json ? Buffer.from('{"taskId":"\xff"}', "latin1") : Buffer.from([0x0a, 1, 0xff]),
    }),
  },
  {
    name: "a field of another type, by its name",
    code: Code.InvalidArgument,
    reason: "REQUEST_MALFORMED",
    message: /task_id|SendEventRequest|SubscribeTaskRequest|wire ?type|cannot decode/,
    request: ({ json }) => ({ data: Buffer.from(json ? '{"taskId":1}' : [0x0f, 1]) }),
  },
  {
    name: "a name that is not well-formed Unicode",
    code: Code.InvalidArgument,
    reason: "REQUEST_MALFORMED",
    message: /is unknown|not well-formed|cannot decode/,
    request: ({ json }) => ({ data: Buffer.from(json ? '{"\\ud800":1}' : [0x0a, 3, 0xed, 0xa0, 0x80]) }),
  },
  {
    name: "a message that is too large",
    code: Code.ResourceExhausted,
    reason: "REQUEST_TOO_LARGE",
    message: /65536/,
    request: () => ({ data: Buffer.alloc(readMaxBytes + 1) }),
  },
  {
    name: "a message that is too large once decompressed",
    code: Code.ResourceExhausted,
    reason: "REQUEST_TOO_LARGE",
    message: /65536/,
    request: (format) => compressed(format, bomb),
  },
  {
    name: "a message that cannot be decompressed",
    code: Code.InvalidArgument,
    reason: "REQUEST_MALFORMED",
    message: /decompression failed/,
    request: (format) => compressed(format, Buffer.from("not gzip")),
  },
  {
    name: "a compression that is not known",
    code: Code.Unimplemented,
    reason: "METHOD_UNKNOWN",
    message: /snappy.*gzip/,
    request: (format) => ({ data: valid(format), headers: { [format.encodingHeader]: "snappy" } }),
  },
  {
    name: "a timeout that is none",
    code: Code.InvalidArgument,
    reason: "REQUEST_MALFORMED",
    message: /timeout/,
    request: (format) => ({ data: valid(format), headers: { [format.timeoutHeader]: "soon" } }),
  },
];

const endings: Omit<Case, "request" | "message">[] = [
  { name: "missing", code: Code.NotFound, reason: "TASK_NOT_FOUND" },
  { name: "defect", code: Code.Internal, reason: "INTERNAL" },
  { name: "deadline", code: Code.DeadlineExceeded, reason: "DEADLINE_EXCEEDED" },
];

for (const [port, httpVersion, isDoor] of [
  ["HTTP/1", 1, false],
  ["HTTP/2", 2, false],
  ["the gRPC door", 2, true],
] as const) {
  const address = () => (isDoor ? rig.door : rig.address);
  for (const [kind, path, formats] of [
    ["a unary call", unaryPath, isDoor ? [doorFormat] : unaryFormats],
    ["a streaming call", streamPath, isDoor ? [doorFormat] : streamFormats],
  ] as const) {
    describe.each(formats)(`${kind} over ${port} as $contentType`, (format) => {
      it.each(cases.filter((one) => !isDoor || !one.isTakenAtDoor))(
        "refuses $name with one ErrorInfo",
        async ({ request, code, reason, message }) => {
          const { data = new Uint8Array(), flags, headers } = request(format);
          const body = frame(format, data, flags);
          const response = await send(address(), {
            httpVersion,
            path,
            body,
            headers: { "content-type": format.contentType, ...headers },
          });
          const error = format.errorOf(response);
          expect({ code: error?.code, reason: reasonOf(error) }).toEqual({ code, reason });
          expect(error?.rawMessage).toMatch(message);
        },
      );

      it.each(endings)("ends with the reason of what happens: $name", async ({ name, code, reason }) => {
        const json = Buffer.from(
          JSON.stringify({ taskId: name, ...(kind === "a unary call" ? { parts: [{ text: "hi" }] } : {}) }),
        );
        const body = frame(
          format,
          format.json
            ? json
            : valid(format, name).slice(0, kind === "a unary call" ? undefined : 2 + name.length),
        );
        const timeout = format.timeoutHeader === "grpc-timeout" ? "20m" : "20";
        const headers = {
          "content-type": format.contentType,
          ...(name === "deadline" ? { [format.timeoutHeader]: timeout } : {}),
        };
        const response = await send(address(), { httpVersion, path, body, headers });
        const error = format.errorOf(response);
        expect({ code: error?.code, reason: reasonOf(error) }).toEqual({ code, reason });
        expect(error?.rawMessage).not.toMatch(/select/);
      });

      it("tells a field that is out of its bounds by its path", async () => {
        const body = frame(format, format.json ? Buffer.from("{}") : new Uint8Array());
        const headers = { "content-type": format.contentType };
        const error = format.errorOf(await send(address(), { httpVersion, path, body, headers }));
        expect({ code: error?.code, reason: reasonOf(error) }).toEqual({
          code: Code.InvalidArgument,
          reason: "FIELD_INVALID",
        });
        expect(error?.rawMessage).toMatch(/^task_id: must not be empty/);
      });

      it("answers a method that is not there as unimplemented", async () => {
        const body = frame(format, valid(format));
        const headers = { "content-type": format.contentType };
        const response = await send(address(), {
          httpVersion,
          path: "/pigeonhole.v1.TaskService/Nope",
          body,
          headers,
        });
        const error = format.errorOf(response);
        expect({ code: error?.code, reason: reasonOf(error) }).toEqual({
          code: Code.Unimplemented,
          reason: "METHOD_UNKNOWN",
        });
        expect(response.status).toBe(format.enveloped ? 200 : 404);
      });
    });
  }
}

for (const httpVersion of [1, 2] as const) {
  describe(`HTTP/${httpVersion}`, () => {
    const json = { "content-type": "application/json" };

    it("answers a service that is not there in gRPC's way to a caller of gRPC, and with 404 to others", async () => {
      const grpc = await send(rig.address, {
        httpVersion,
        path: "/grpc.health.v1.Health/Check",
        headers: { "content-type": "application/grpc" },
      });
      expect([grpc.status, grpc.headers.get("grpc-status")]).toEqual([200, "12"]);
      const other = await send(rig.address, { httpVersion, path: "/favicon.ico", method: "GET" });
      expect([other.status, other.body.toString()]).toEqual([404, "not found\n"]);
    });

    it("says which media type is not spoken, with one ErrorInfo", async () => {
      const headers = { "content-type": "text/plain" };
      const response = await send(rig.address, { httpVersion, path: unaryPath, headers, body: "{}" });
      const error = unaryFormats[0]?.errorOf(response);
      expect([response.status, error?.code, reasonOf(error)]).toEqual([
        415,
        Code.Unimplemented,
        "METHOD_UNKNOWN",
      ]);
      expect(error?.rawMessage).toContain('"text/plain"');
      const web = { "content-type": "application/grpc-web-text" };
      const text = await send(rig.address, { httpVersion, path: unaryPath, headers: web, body: "AAAA" });
      expect([text.status, text.headers.get("grpc-status")]).toEqual([200, "12"]);
    });

    it("says which HTTP methods there are", async () => {
      const response = await send(rig.address, {
        httpVersion,
        path: unaryPath,
        method: "PUT",
        headers: json,
      });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
      expect(reasonOf(unaryFormats[0]?.errorOf(response))).toBe("METHOD_UNKNOWN");
    });

    it("answers GET for what has no side effects, and refuses what cannot be parsed there", async () => {
      const path = "/pigeonhole.v1.TaskService/GetTask?connect=v1&encoding=json&message=";
      const good = await send(rig.address, {
        httpVersion,
        method: "GET",
        path: `${path}${encodeURIComponent('{"taskId":"t"}')}`,
      });
      expect(JSON.parse(good.body.toString())).toEqual({ task: { id: "t" } });
      for (const query of ["{", "*&base64=1"]) {
        const bad = await send(rig.address, { httpVersion, method: "GET", path: `${path}${query}` });
        const error = unaryFormats[0]?.errorOf(bad);
        expect([bad.status, reasonOf(error)]).toEqual([400, "REQUEST_MALFORMED"]);
      }
    });

    it("refuses a field and an enum value that it does not know, rather than to go on without", async () => {
      const path = "/pigeonhole.v1.TaskService/ListTasks";
      for (const body of ['{"pageSise":1}', '{"states":["TASK_STATE_FOO"]}']) {
        const error = unaryFormats[0]?.errorOf(
          await send(rig.address, { httpVersion, path, headers: json, body }),
        );
        expect([error?.code, reasonOf(error)]).toEqual([Code.InvalidArgument, "REQUEST_MALFORMED"]);
        expect(error?.rawMessage).toMatch(/pageSise|TASK_STATE_FOO/);
      }
    });

    it("gives a long error its ErrorInfo though the caller takes gzip", async () => {
      const headers = { ...json, "accept-encoding": "gzip" };
      const body = `{"${"k".repeat(4000)}":1}`;
      const response = await send(rig.address, { httpVersion, path: unaryPath, headers, body });
      const error = unaryFormats[0]?.errorOf(response);
      expect(reasonOf(error)).toBe("REQUEST_MALFORMED");
      expect(error?.rawMessage.length).toBeLessThan(600);
    });

    it("reports a response that cannot be serialized as a defect, under the id that the caller is told", async () => {
      const body = '{"taskId":"unserializable","parts":[{"text":"hi"}]}';
      const error = unaryFormats[0]?.errorOf(
        await send(rig.address, { httpVersion, path: unaryPath, headers: json, body }),
      );
      expect([error?.code, reasonOf(error), error?.rawMessage]).toEqual([
        Code.Internal,
        "INTERNAL",
        "internal error",
      ]);
      expect([...rig.defects.values()].map(String).join()).toMatch(/Timestamp/);
    });
  });
}
