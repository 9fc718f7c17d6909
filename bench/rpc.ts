import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GrpcClient } from "./grpc-client.ts";

/** The path of a method over Connect and gRPC. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Encodes a request of a method. */
export function encode<I extends DescMessage>(
  method: { input: I },
  request: MessageInitShape<I>,
): Uint8Array {
  return toBinary(method.input, create(method.input, request));
}

/** Makes a unary call. */
export async function ask<I extends DescMessage, O extends DescMessage>(
  client: GrpcClient,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  return fromBinary(method.output, await client.unary(pathOf(method), encode(method, request)));
}

/** Makes a streaming call and waits until its stream has ended OK. */
export function follow<I extends DescMessage, O extends DescMessage>(
  client: GrpcClient,
  method: DescMethodServerStreaming<I, O>,
  request: MessageInitShape<I>,
  onMessage: (message: MessageShape<O>) => void,
): Promise<void> {
  return client.call(pathOf(method), encode(method, request), (bytes) =>
    onMessage(fromBinary(method.output, bytes)),
  );
}
