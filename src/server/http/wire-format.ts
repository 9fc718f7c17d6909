import { gunzipSync } from "node:zlib";
import { ConnectError } from "@connectrpc/connect";
import {
  compressedFlag,
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  createEndStreamSerialization,
  endStreamFlag,
  errorFromJsonBytes,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { collect, mapBody } from "./response-body.ts";

/** Gives an error in place of one that is about to be sent, or undefined where that one may go as it is. */
export type Amend = (error: ConnectError) => ConnectError | undefined;

/** How one protocol writes errors. */
export interface WireFormat {
  /** Makes a response that is nothing but an error. The HTTP status is used where the protocol has its own. */
  refuse(error: ConnectError, status?: number): UniversalServerResponse;
  /** Looks at the error of a response, whenever it comes, and puts another in its place if it is to be amended. */
  amend(
    response: UniversalServerResponse,
    amend: Amend,
  ): UniversalServerResponse | Promise<UniversalServerResponse>;
}

/** Tells by method and Content-Type which protocol a request speaks; what is none of them passes for Connect unary. */
export function wireFormatOf({ header }: UniversalServerRequest): WireFormat {
  const contentType = header.get("content-type") ?? "";
  if (contentType.startsWith("application/grpc-web")) return grpcWeb(contentType);
  if (contentType.startsWith("application/grpc")) return grpc(contentType);
  if (contentType.startsWith("application/connect+")) return connectStream(contentType);
  return connectUnary;
}

const connectUnary: WireFormat = {
  refuse: (error, status = codeToHttpStatus(error.code)) =>
    jsonResponse(status, new Headers(), errorToJsonBytes(error, undefined)),
  async amend(response, amend) {
    if (response.status === 200 || response.body === undefined) return response;
    const header = new Headers(response.header);
    const sent = await collect(response.body);
    const bytes = header.get("content-encoding") === "gzip" ? gunzipSync(sent) : sent;
    const amended = amend(errorFromJsonBytes(bytes, undefined, new ConnectError("not an error of Connect")));
    if (amended === undefined) return { ...response, body: createAsyncIterable([sent]) };
    header.delete("content-encoding");
    return jsonResponse(codeToHttpStatus(amended.code), header, errorToJsonBytes(amended, undefined));
  },
};

function jsonResponse(status: number, header: Headers, body: Uint8Array): UniversalServerResponse {
  header.set("content-type", "application/json");
  header.set("content-length", String(body.byteLength));
  return { status, header, body: createAsyncIterable([body]) };
}

const endStream = createEndStreamSerialization(undefined);

function connectStream(contentType: string): WireFormat {
  return {
    refuse: (error) => ({
      status: 200,
      header: new Headers({ "content-type": contentType }),
      body: createAsyncIterable([
        encodeEnvelope(endStreamFlag, endStream.serialize({ metadata: new Headers(), error })),
      ]),
    }),
    amend: (response, amend) =>
      mapBody(response, (envelope) => {
        if (((envelope[0] ?? 0) & endStreamFlag) === 0) return envelope;
        const end = endStream.parse(envelopeData(envelope));
        const error = end.error && amend(end.error);
        return error === undefined
          ? envelope
          : encodeEnvelope(endStreamFlag, endStream.serialize({ ...end, error }));
      }),
  };
}

function grpc(contentType: string): WireFormat {
  return {
    refuse: (error) => trailersOnly(contentType, error),
    amend: (response, amend) =>
      mapBody(
        response,
        (envelope) => envelope,
        () => amendTrailer(response.trailer, amend),
      ),
  };
}

function grpcWeb(contentType: string): WireFormat {
  return {
    refuse: (error) => trailersOnly(contentType, error),
    amend: (response, amend) =>
      mapBody(response, (envelope) => {
        if (((envelope[0] ?? 0) & trailerFlag) === 0) return envelope;
        const trailer = trailerParse(envelopeData(envelope));
        return amendTrailer(trailer, amend)
          ? encodeEnvelope(trailerFlag, trailerSerialize(trailer))
          : envelope;
      }),
  };
}

/** Makes a response of gRPC or gRPC-Web without a message: its headers are its trailers. */
function trailersOnly(contentType: string, error: ConnectError): UniversalServerResponse {
  return { status: 200, header: setTrailerStatus(new Headers({ "content-type": contentType }), error) };
}

function amendTrailer(trailer: Headers | undefined, amend: Amend): boolean {
  const error = trailer && findTrailerError(trailer);
  const amended = error && amend(error);
  if (trailer === undefined || amended === undefined) return false;
  setTrailerStatus(trailer, amended);
  return true;
}

/** Takes the content out of an envelope: one byte of flags, four of length. Connect yields one envelope at a time. */
function envelopeData(envelope: Uint8Array): Uint8Array {
  const data = envelope.subarray(5);
  return ((envelope[0] ?? 0) & compressedFlag) === compressedFlag ? gunzipSync(data) : data;
}
