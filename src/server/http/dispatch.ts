import { createRegistry, type DescMethod } from "@bufbuild/protobuf";
import { type ConnectRouter, createConnectRouter, type Interceptor } from "@connectrpc/connect";
import type { UniversalHandlerFn, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { compressionGzip } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../../proto.ts";
import type { AuthenticateRequest } from "../auth/index.ts";
import { TaskError } from "../errors.ts";
import type { HttpRequest } from "./connection.ts";
import { createCors } from "./cors.ts";
import { type ConvertError, type OnRefused, tellRefused, withErrorInfo } from "./error-info.ts";
import { dropFarDeadline } from "./far-deadlines.ts";
import { collect } from "./response-body.ts";
import { wireFormatOf } from "./wire-format.ts";

/** A response whose body is there already, or is still to come. */
export interface HttpResponse extends Omit<UniversalServerResponse, "body"> {
  body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Answers a request, whatever it is, and throws nothing. */
export type Dispatch = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * Throws, or rejects with, what a request is to be refused with before anything is spent on it; gives nothing to wait for if it is not
 * refused. `isCall` tells unary calls, which are answered as soon as may be, from all else; `saysWho` tells all calls, which say who makes
 * them if the server asks for that. Default false.
 */
export type Admit = (request: HttpRequest, isCall: boolean, saysWho?: boolean) => Promise<never> | undefined;

export interface DispatchOptions {
  /** Registers the services. */
  routes: (router: ConnectRouter) => void;
  interceptors: Interceptor[];
  /** Finds out who calls before the body is read, or throws. */
  authenticate?: AuthenticateRequest;
  /** The most bytes of one message, as sent and decompressed. */
  readMaxBytes: number;
  /** The origins whose scripts may use the API. */
  cors: readonly string[];
  admit: Admit;
  /** Is told of calls that do not come to the interceptors. */
  onRefused?: OnRefused;
  /** Answers what is below /webhooks/, which is for no browser: the rules of other origins are not its own. Without it, that is 404. */
  webhooks?: Dispatch;
  /** Answers what is no RPC, no webhook and neither /healthz nor /readyz. Without it, that is 404. */
  fallback?: Dispatch;
  /** Makes the error that goes over the wire. */
  convertError: ConvertError;
  /** Whether the server takes requests, as /healthz tells. */
  isHealthy: () => boolean;
  /** Why the server should be given no requests, as /readyz tells; undefined if it may. Without it, that is as /healthz. */
  readiness?: (() => Promise<string | undefined>) | undefined;
}

/** What answers the calls of a method. */
interface Rpc {
  handle: UniversalHandlerFn;
  unary: boolean;
  method: DescMethod;
}

/**
 * How JSON is read and written. A field that is not known is refused: what a caller misspells would otherwise have no
 * effect, silently. So are bytes that are not UTF-8, which would be replaced and stored as what was never sent (in binary,
 * protobuf-es refuses them by itself); connect hands `textDecoder` on to its JSON format, though it does not document it.
 */
const jsonOptions = {
  ignoreUnknownFields: false,
  textDecoder: new TextDecoder("utf-8", { fatal: true }),
  // What the errors in a log carry as google.protobuf.Any, which JSON tells in full.
  registry: createRegistry(ErrorInfoSchema),
};

/** Makes the function that brings each request to its RPC, and tells the protocols apart. */
export function createDispatch(options: DispatchOptions): Dispatch {
  const { routes, interceptors, readMaxBytes, convertError, isHealthy, fallback = notFound } = options;
  const convertRefusal = tellRefused(convertError, options.onRefused);
  const cors = createCors(options.cors);
  const router = createConnectRouter({
    interceptors,
    readMaxBytes,
    acceptCompression: [compressionGzip],
    requireConnectProtocolHeader: false,
    jsonOptions,
    // The server keeps nothing that it cannot check.
    binaryOptions: { readUnknownFields: false },
  });
  routes(router);
  const paths = new Map<string, Rpc>();
  const services = new Set<string>();
  for (const handler of router.handlers) {
    const unary = handler.method.methodKind === "unary";
    paths.set(handler.requestPath, {
      handle: withErrorInfo(handler, convertRefusal),
      unary,
      method: handler.method,
    });
    services.add(serviceOf(handler.requestPath));
  }

  async function answer(request: HttpRequest): Promise<HttpResponse> {
    const preflight = cors.preflight(request);
    if (preflight !== undefined) {
      await options.admit(request, false);
      return preflight;
    }
    const path = pathOf(request.url);
    const rpc = paths.get(path);
    if (rpc === undefined) return answerOther(path, request);
    const response = await call(rpc, request);
    if (!rpc.unary || response.body === undefined) return response;
    // Read to its end, so that it can be written in one piece.
    return { ...response, body: await collect(response.body) };
  }

  async function call(
    { handle, unary, method }: Rpc,
    request: HttpRequest,
  ): Promise<UniversalServerResponse> {
    try {
      // Nothing is waited for where there is nothing to wait for.
      const refused = options.admit(request, unary, true);
      if (refused !== undefined) await refused;
      if (options.authenticate !== undefined) await options.authenticate(request, method);
    } catch (error) {
      return wireFormatOf(request).refuse(convertRefusal(error, method, request));
    }
    dropFarDeadline(request.header);
    return handle(request);
  }

  async function answerOther(path: string, request: HttpRequest): Promise<HttpResponse> {
    // Whoever watches the server is answered however busy it is.
    if (path === "/healthz" || path === "/readyz") return await answerHealth(path);
    await options.admit(request, false);
    const isGrpc = request.header.get("content-type")?.startsWith("application/grpc") === true;
    if (!isGrpc && !services.has(serviceOf(path))) return fallback(request);
    const error = new TaskError("METHOD_UNKNOWN", `there is no method ${path.slice(0, 256)}`);
    return wireFormatOf(request).refuse(convertError(error), 404);
  }

  async function answerHealth(path: string): Promise<HttpResponse> {
    if (!isHealthy()) return text(503, "stopping");
    const fault = path === "/readyz" ? await options.readiness?.() : undefined;
    return fault === undefined ? text(200, "ok") : text(503, fault);
  }

  return async (request) => {
    if (options.webhooks !== undefined && pathOf(request.url).startsWith("/webhooks/")) {
      return options.webhooks(request);
    }
    let response: HttpResponse;
    try {
      response = await answer(request);
    } catch (error) {
      response = wireFormatOf(request).refuse(convertError(error));
    }
    if (response.status === 401) response.header?.set("www-authenticate", challenge(request));
    if (options.cors.length === 0 || request.method === "OPTIONS") return response;
    const header = new Headers(response.header);
    cors.apply(request, header);
    return { ...response, header };
  };
}

/** Says how to authenticate (RFC 6750). */
function challenge({ header }: HttpRequest): string {
  return `Bearer realm="pigeonhole"${header.has("authorization") ? ', error="invalid_token"' : ""}`;
}

const notFound: Dispatch = async () => text(404, "not found");

function text(status: number, line: string): HttpResponse {
  const body = Buffer.from(`${line}\n`);
  const header = new Headers({
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(body.length),
  });
  return { status, header, body };
}

/** Gives the path of a URL whose origin is the one that `requestUrl` makes. */
function pathOf(url: string): string {
  const start = url.indexOf("/", "http://".length);
  const query = url.indexOf("?", start);
  return query === -1 ? url.slice(start) : url.slice(start, query);
}

/** Gives the part of an RPC's path that names its service: `/pigeonhole.v1.TaskService/`. */
function serviceOf(path: string): string {
  return path.slice(0, path.indexOf("/", 1) + 1);
}
