import {
  create,
  type DescFile,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import {
  type ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import * as alpha from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { type DescriptorIndex, indexDescriptors } from "./descriptor-index.ts";
import { linkSignals } from "./link-signals.ts";

export interface ReflectionOptions {
  /** The services that it lists. */
  services: readonly DescService[];
  /** What is described besides: the details of errors, which no file of a service imports. */
  files: readonly DescFile[];
  /** Aborts when the server ends what streams without an end. */
  stopping: AbortSignal;
}

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/**
 * Makes `grpc.reflection.v1.ServerReflection`, by which grpcurl and its like need no files, and its twin `v1alpha`, which older ones ask
 * for and whose messages are the same bytes.
 *
 * A question that has no answer is answered with NOT_FOUND, and the stream goes on, as that protocol has it.
 */
export function createReflectionServices({ services, files, stopping }: ReflectionOptions): {
  v1: ServiceImpl<typeof ServerReflection>;
  v1alpha: ServiceImpl<typeof alpha.ServerReflection>;
} {
  const index = indexDescriptors(services, files);
  const names = services.map(({ typeName }) => ({ name: typeName }));

  function respond(originalRequest: ServerReflectionRequest) {
    const messageResponse = answer(originalRequest.messageRequest, index, names);
    return { validHost: originalRequest.host, originalRequest, messageResponse };
  }

  return {
    v1: {
      async *serverReflectionInfo(requests, { signal }) {
        for await (const request of heeding([signal, stopping], requests)) yield respond(request);
      },
    },
    v1alpha: {
      async *serverReflectionInfo(requests, { signal }) {
        for await (const request of heeding([signal, stopping], requests)) {
          const bytes = toBinary(alpha.ServerReflectionRequestSchema, request);
          const response = respond(fromBinary(ServerReflectionRequestSchema, bytes));
          yield fromBinary(
            alpha.ServerReflectionResponseSchema,
            toBinary(ServerReflectionResponseSchema, create(ServerReflectionResponseSchema, response)),
          );
        }
      },
    },
  };
}

function answer(
  question: ServerReflectionRequest["messageRequest"],
  { files, symbols, extensions, encode }: DescriptorIndex,
  service: { name: string }[],
): Answer {
  const found = (file: DescFile | undefined): Answer =>
    file === undefined
      ? failure(Code.NotFound, "there is nothing of that name")
      : { case: "fileDescriptorResponse", value: { fileDescriptorProto: encode(file) } };
  switch (question.case) {
    case "fileByFilename":
      return found(files.get(question.value));
    case "fileContainingSymbol":
      return found(symbols.get(question.value));
    case "fileContainingExtension":
      return found(extensions.get(question.value.containingType)?.get(question.value.extensionNumber));
    case "allExtensionNumbersOfType": {
      const baseTypeName = question.value;
      if (!symbols.has(baseTypeName)) return found(undefined);
      const extensionNumber = [...(extensions.get(baseTypeName)?.keys() ?? [])];
      return { case: "allExtensionNumbersResponse", value: { baseTypeName, extensionNumber } };
    }
    case "listServices":
      return { case: "listServicesResponse", value: { service } };
    default:
      return failure(Code.InvalidArgument, "the request asks for nothing that is known");
  }
}

function failure(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/**
 * Reads a caller's messages until there are no more. Throws the reason of the signal that aborts first, at once, though the caller has said
 * nothing.
 */
async function* heeding<T>(signals: AbortSignal[], messages: AsyncIterable<T>): AsyncIterable<T> {
  const { signal, release } = linkSignals(...signals);
  const iterator = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      // One for each message: a promise that settles late keeps something of every race that it was in.
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort);
      try {
        const { done, value } = await Promise.race([iterator.next(), aborted]);
        if (done) return;
        yield value;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    }
  } finally {
    release();
  }
}
