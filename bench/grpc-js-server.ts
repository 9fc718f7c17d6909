// The peer of the gRPC door: @grpc/grpc-js as it comes, with a call that does nothing, coded by protobuf-es.
// Usage: node --expose-gc grpc-js-server.ts. Prints its URL, once for each that a server of ours would print.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import { type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { EmptyService } from "./empty-service.ts";
import { pathOf } from "./rpc.ts";
import { reportUsage } from "./usage.ts";

const call: handleUnaryCall<Empty, Empty> = (_, answer) => answer(null, create(EmptySchema));

const server = new Server();
server.addService(
  {
    call: {
      path: pathOf(EmptyService.method.call),
      requestStream: false,
      responseStream: false,
      requestSerialize: (message: Empty) => Buffer.from(toBinary(EmptySchema, message)),
      requestDeserialize: (bytes: Buffer) => fromBinary(EmptySchema, bytes),
      responseSerialize: (message: Empty) => Buffer.from(toBinary(EmptySchema, message)),
      responseDeserialize: (bytes: Buffer) => fromBinary(EmptySchema, bytes),
    },
  },
  { call },
);
reportUsage();
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`http://127.0.0.1:${port} `.repeat(4));
});
