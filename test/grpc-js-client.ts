import {
  create,
  createRegistry,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  StatusSchema,
} from "../src/proto.ts";

/** A client of gRPC that has nothing of connect: `@grpc/grpc-js`, with messages coded by protobuf-es. */
export interface GrpcClient {
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): { call: ClientUnaryCall; answer: Promise<MessageShape<O>> };
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions & { metadata?: Metadata },
  ): ClientReadableStream<MessageShape<O>>;
  close(): void;
}

/** Makes a client of the server at an address, such as `127.0.0.1:8080`. */
export function createGrpcClient(address: string): GrpcClient {
  const client = new Client(address, credentials.createInsecure());
  return {
    unary(method, request, options = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<MessageShape<typeof method.output>>();
      const call = client.makeUnaryRequest(
        pathOf(method),
        encoder(method.input),
        decoder(method.output),
        create(method.input, request),
        options,
        (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
      );
      return { call, answer: promise };
    },
    stream: (method, request, { metadata = new Metadata(), ...options } = {}) =>
      client.makeServerStreamRequest(
        pathOf(method),
        encoder(method.input),
        decoder(method.output),
        create(method.input, request),
        metadata,
        options,
      ),
    close: () => client.close(),
  };
}

function pathOf({ parent, name }: { parent: { typeName: string }; name: string }): string {
  return `/${parent.typeName}/${name}`;
}

function encoder<Desc extends DescMessage>(schema: Desc): (message: MessageShape<Desc>) => Buffer {
  return (message) => Buffer.from(toBinary(schema, message));
}

function decoder<Desc extends DescMessage>(schema: Desc): (bytes: Buffer) => MessageShape<Desc> {
  return (bytes) => fromBinary(schema, bytes);
}

/** Gives what a call fails with. */
export async function failureOf(answer: Promise<unknown>): Promise<ServiceError> {
  const outcome = await answer.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isServiceError(outcome)) throw new Error("did not fail with an error of gRPC", { cause: outcome });
  return outcome;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error;
}

const knownDetails = createRegistry(
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
);

/** Reads the google.rpc.Status of an error from its trailers, with its details unpacked. */
export function statusOf({ metadata }: ServiceError) {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) throw new Error("no grpc-status-details-bin");
  const { code, message, details } = fromBinary(StatusSchema, bytes);
  return { code, message, details: details.map((detail: Any) => anyUnpack(detail, knownDetails)) };
}
