/** gRPC's own server, over the services of the others. */

export { createGrpcDoor } from "./grpc-door.ts";
