import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { type AgentsClient, createAgentsClient } from "./agents-client.ts";
import { createRetryPolicy, type RetryOptions } from "./retry.ts";
import { createSchedulesClient, type SchedulesClient } from "./schedules-client.ts";
import { createTasksClient, type TasksClient } from "./tasks-client.ts";
import { createTokenInterceptor, type TokenSource } from "./token-source.ts";
import { createTokensClient, type TokensClient } from "./tokens-client.ts";
import { createWebhooksClient, type WebhooksClient } from "./webhooks-client.ts";

/** Where the server is, and how to reach it. */
export type ClientOptions = (FetchOptions | TransportOptions) & {
  /** How calls that failed are tried again. */
  retry?: RetryOptions;
};

/** Reaches a server with `fetch`, over the Connect protocol in binary: in browsers and in Node. */
export interface FetchOptions {
  /** The server's address, such as `http://localhost:4780`. */
  baseUrl: string;
  /** The token to show with every call, or a function that gives the current one. */
  token?: TokenSource;
  /** Run around every try of every call, for instance to add a header. */
  interceptors?: Interceptor[];
  transport?: undefined;
}

/**
 * Reaches a server in another way, for instance with gRPC over HTTP/2 by `@connectrpc/connect-node`.
 *
 * Give such a transport a `pingIntervalMs`: without, it goes on using a connection that died without a word, and a subscription
 * that resumes resumes on that. Give one that speaks JSON a registry with the ErrorInfoSchema of `pigeonhole/proto` in its `jsonOptions`:
 * without, it cannot read what an error in a log carries, and fails with `UNRECOGNIZED` there.
 */
export interface TransportOptions {
  /** A transport of Connect. It has the server's address and the interceptors; `createTokenInterceptor` makes one that shows a token. */
  transport: Transport;
  baseUrl?: undefined;
  token?: undefined;
  interceptors?: undefined;
}

/** A client of one Pigeonhole server. Holds no connection of its own, and need not be closed. */
export interface PigeonholeClient {
  readonly tasks: TasksClient;
  readonly agents: AgentsClient;
  readonly schedules: SchedulesClient;
  readonly webhooks: WebhooksClient;
  readonly tokens: TokensClient;
}

/**
 * Makes a client of a Pigeonhole server.
 *
 * ```ts
 * const { tasks } = createClient({ baseUrl: "http://localhost:4780" });
 * const { task } = await tasks.create({ agent: "greeter", event: "Ada" });
 * for await (const view of tasks.view(task.id)) console.log(view.messages);
 * ```
 */
export function createClient(options: ClientOptions): PigeonholeClient {
  const transport = options.transport ?? createFetchTransport(options);
  const policy = createRetryPolicy(options.retry);
  return {
    tasks: createTasksClient(transport, policy),
    agents: createAgentsClient(transport, policy),
    schedules: createSchedulesClient(transport, policy),
    webhooks: createWebhooksClient(transport, policy),
    tokens: createTokensClient(transport, policy),
  };
}

function createFetchTransport({ baseUrl, token, interceptors = [] }: FetchOptions): Transport {
  const own = token === undefined ? [] : [createTokenInterceptor(token)];
  return createConnectTransport({ baseUrl, interceptors: [...own, ...interceptors], useBinaryFormat: true });
}
