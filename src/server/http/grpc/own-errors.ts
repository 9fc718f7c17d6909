import type { OutgoingHttpHeaders } from "node:http2";
import { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { TaskError } from "../../errors.ts";
import type { ConvertError, ConvertRefusal } from "../error-info.ts";
import { plain } from "../write-response.ts";
import type { OpenCall } from "./open-calls.ts";

/**
 * Sees to it that the errors that grpc-js sends on its own, without asking anybody, carry an ErrorInfo too, and the code that goes with
 * it: a message that is too large, cannot be decompressed, is missing or one too many, and a deadline that has passed. Of a call that was
 * refused while it was read, grpc-js does not know that it has its answer, and would give it a second one: that is not sent.
 */
export function withErrorInfo({ stream, method, request }: OpenCall, convertRefusal: ConvertRefusal): void {
  const { respond, sendTrailers } = stream;
  const convert = (error: unknown) => convertRefusal(error, method, request);
  stream.respond = (headers, options) => {
    if (stream.headersSent) return;
    respond.call(stream, isList(headers) ? headers : amend(headers, convert), options);
  };
  stream.sendTrailers = (trailers) => sendTrailers.call(stream, amend(trailers, convert));
}

function amend(headers: OutgoingHttpHeaders = {}, convert: ConvertError): OutgoingHttpHeaders {
  const status = headers["grpc-status"];
  if (status === undefined || status === 0 || "grpc-status-details-bin" in headers) return headers;
  const message = decodeURI(String(headers["grpc-message"]));
  return { ...headers, ...statusHeaders(convert(recognize(message, Number(status)))) };
}

/** Tells what the text of an error of grpc-js stands for, where its code says something else. */
function recognize(message: string, code: number): unknown {
  if (message === "Failed to decompress message")
    return new TaskError(
      "REQUEST_MALFORMED",
      "decompression failed: the message is not what its encoding says",
    );
  if (/^Received (no|a second) request message/.test(message))
    return new TaskError("REQUEST_MALFORMED", "the request has not exactly one message");
  return new ConnectError(message, code);
}

/** Gives the headers that tell of an error. */
export function statusHeaders(error: ConnectError): Record<string, string> {
  return plain(setTrailerStatus(new Headers(), error));
}

function isList(headers: OutgoingHttpHeaders | readonly string[] | undefined): headers is readonly string[] {
  return Array.isArray(headers);
}
