import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Interceptor, MethodImplSpec } from "@connectrpc/connect";
import {
  createAsyncIterable,
  createMethodSerializationLookup,
  invokeUnaryImplementation,
  transformInvokeImplementation,
} from "@connectrpc/connect/protocol";
import type {
  Metadata,
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  StatusObject,
  sendUnaryData,
} from "@grpc/grpc-js";
import { TaskError } from "../../errors.ts";
import type { OnLimit } from "../../limits.ts";
import type { Millis } from "../../store/records.ts";
import type { ConvertRefusal } from "../error-info.ts";
import { cutOffUnread } from "../write-response.ts";
import { type CallContext, createCallContext } from "./call-context.ts";
import { toMetadata, toStatus } from "./metadata.ts";
import { pathOf } from "./method-specs.ts";
import type { OpenCalls } from "./open-calls.ts";
import { sendMessages } from "./send-messages.ts";

type StreamCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

export interface MethodOptions {
  /** Wraps every call. The first is the outermost. */
  interceptors: Interceptor[];
  /** The most bytes of one message, as sent and decompressed. */
  readMaxBytes: number;
  /** How long a caller may leave what is sent to it unread, in ms. */
  idleTimeout: Millis;
  /** Is told of those that are cut off for that. */
  onLimit: OnLimit;
  /** Makes the error that goes over the wire. */
  convertRefusal: ConvertRefusal;
}

/** gRPC's own bound: the length of a message has four bytes. */
const writeMaxBytes = 0xffff_ffff;

/**
 * Has a server of grpc-js take the calls of a method through the interceptors to its implementation, as connect does.
 *
 * grpc-js is given bytes, and gives bytes: what it would do with a message that cannot be read or written, it would do without details.
 */
export function registerMethod(
  server: Server,
  spec: MethodImplSpec,
  calls: OpenCalls,
  { interceptors, readMaxBytes, idleTimeout, onLimit, convertRefusal }: MethodOptions,
): void {
  const { method } = spec;
  const path = pathOf(spec);
  // The server keeps nothing that it cannot check.
  const binary = { readUnknownFields: false };
  const messages = createMethodSerializationLookup(method, binary, undefined, {
    readMaxBytes,
    writeMaxBytes,
  });
  const { parse } = messages.getI(true);
  const output = messages.getO(true);
  const serialize = (message: MessageShape<DescMessage>) => asBuffer(output.serialize(message));

  /** Finds the context of a call. Without it, the caller has gone or was refused already, and there is nobody to answer. */
  function contextOf({ metadata }: { metadata: Metadata }): CallContext | undefined {
    const call = calls.of(metadata);
    return call === undefined || call.stream.headersSent ? undefined : createCallContext(spec, call);
  }

  function statusOf(error: unknown, { values }: CallContext): StatusObject {
    return toStatus(convertRefusal(error, method, { contextValues: values }));
  }

  function end(context: CallContext): void {
    context.end();
    context.call.guard.answered(context.call.stream);
  }

  async function unary(call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>): Promise<void> {
    if (spec.kind !== "unary") return;
    const context = contextOf(call);
    if (context === undefined) return;
    try {
      const answer = await invokeUnaryImplementation(spec, context, parse(call.request), interceptors);
      const bytes = serialize(answer);
      const { guard, stream } = context.call;
      guard.holds(stream, bytes.length);
      // That may have been too much for its connection.
      if (stream.destroyed) return;
      call.sendMetadata(toMetadata(context.responseHeader));
      respond(null, bytes, toMetadata(context.responseTrailer));
    } catch (error) {
      respond(statusOf(error, context));
    } finally {
      end(context);
    }
  }

  async function stream(call: StreamCall, requests: AsyncIterable<Buffer>): Promise<void> {
    const context = contextOf(call);
    if (context === undefined) return;
    const answers = transformInvokeImplementation(spec, context, interceptors)(map(requests, parse));
    try {
      const begin = () => call.sendMetadata(toMetadata(context.responseHeader));
      const watch = () => cutOffUnread(context.call.stream, idleTimeout, onLimit);
      await sendMessages(call, answers, serialize, begin, watch);
      call.end(toMetadata(context.responseTrailer));
    } catch (error) {
      // grpc-js sends what is emitted so as the status, behind the messages that are on their way.
      if (!call.destroyed) call.emit("error", statusOf(error, context));
    } finally {
      end(context);
    }
  }

  switch (spec.kind) {
    case "unary":
      server.register(path, unary, asIs, asIs, "unary");
      break;
    case "server_streaming":
      server.register(
        path,
        (call: ServerWritableStream<Buffer, Buffer>) => stream(call, createAsyncIterable([call.request])),
        asIs,
        asIs,
        "serverStream",
      );
      break;
    default:
      server.register(
        path,
        (call: ServerDuplexStream<Buffer, Buffer>) => stream(call, received(call)),
        asIs,
        asIs,
        "bidi",
      );
  }
}

/** Reads what a caller streams. */
async function* received(call: ServerDuplexStream<Buffer, Buffer>): AsyncIterable<Buffer> {
  try {
    // Not destroyed at its end: the answers go the same way back.
    yield* call.iterator({ destroyOnReturn: false });
  } catch (error) {
    throw call.destroyed
      ? new TaskError("CALLER_GONE", "the call was broken off", {}, { cause: error })
      : error;
  }
}

async function* map<T, U>(source: AsyncIterable<T>, change: (value: T) => U): AsyncIterable<U> {
  for await (const value of source) yield change(value);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
