import { once } from "node:events";
import { connect } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { expectNoInnards, type Failure, readFailure } from "./service-failure.ts";
import type { Urls } from "./service-protocols.ts";

/** Sends bytes as the request of an RPC, as they are, and gives what it fails with. */
export type SendRaw = (server: Urls, rpc: string, body: Uint8Array | string) => Promise<Failure>;

const notAnError = new ConnectError("the answer is not an error of Connect", Code.Unknown);

/** Sends over Connect, with a Content-Type. */
export function connectRaw(contentType: string): SendRaw {
  return async ({ url }, rpc, body) => {
    const response = await fetch(`${url}/pigeonhole.v1.${rpc}`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: Buffer.from(body),
    });
    return readConnectFailure(response);
  };
}

/** Reads the error of an answer of Connect. */
export async function readConnectFailure(response: Response): Promise<Failure> {
  const text = await response.text();
  expectNoInnards(text);
  return readFailure(errorFromJsonBytes(Buffer.from(text), undefined, notAnError));
}

/** Sends over gRPC, with a Content-Type, to the port for everything unless another is named. */
export function grpcRaw(contentType: string, port: keyof Urls = "url"): SendRaw {
  return async (server, rpc, body) => {
    const session = connect(server[port] ?? "");
    const stream = session.request({
      ":method": "POST",
      ":path": `/pigeonhole.v1.${rpc}`,
      "content-type": contentType,
      te: "trailers",
    });
    const trailer = new Headers();
    const take = (headers: Record<string, unknown>) => {
      for (const [name, value] of Object.entries(headers)) {
        if (!name.startsWith(":")) trailer.set(name, String(value));
      }
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.resume();
    stream.end(encodeEnvelope(0, Buffer.from(body)));
    await once(stream, "close");
    session.close();
    const error = findTrailerError(trailer);
    if (error === undefined) throw new Error("the call did not fail");
    return readFailure(error);
  };
}

/** The ways in which JSON is sent. */
export const jsonFormats = [
  { name: "Connect", send: connectRaw("application/json") },
  { name: "gRPC", send: grpcRaw("application/grpc+json") },
];

/** The ways in which protobuf binary is sent. */
export const binaryFormats = [
  { name: "Connect", send: connectRaw("application/proto") },
  { name: "gRPC", send: grpcRaw("application/grpc") },
  { name: "gRPC at the gRPC door", send: grpcRaw("application/grpc", "grpcUrl") },
];
