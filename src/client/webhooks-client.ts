import { type Client, createClient, type Transport } from "@connectrpc/connect";
import {
  CreateWebhookRequestSchema,
  type CreateWebhookResponse,
  type Webhook,
  type WebhookKind,
  WebhookService,
} from "../proto.ts";
import { createRequest } from "./create-request.ts";
import { readPages } from "./read-pages.ts";
import { requireField, type With } from "./required-field.ts";
import { isRefused, type RetryPolicy, retry } from "./retry.ts";
import type { ListOptions, ReadOptions } from "./task-options.ts";

/** The webhook to make. The bounds of all fields are those of `pigeonhole.v1.CreateWebhookRequest`. */
export type NewWebhook = {
  /** Where to post. */
  url: string;
  /** Which entries to post. All kinds by default. */
  kinds?: WebhookKind[];
  /** The secret that deliveries are signed with. The server makes one by default. */
  secret?: string;
} & (
  | {
      /** The task to follow, from its first entry. */
      taskId: string;
      agent?: undefined;
    }
  | {
      /** The agent whose tasks to follow, from here on. */
      agent: string;
      taskId?: undefined;
    }
);

/** Which webhooks to list. All filters that are given must hold. */
export interface WebhookFilters extends ListOptions {
  agent?: string;
  taskId?: string;
  /** Only webhooks of this owner, of those that the caller sees. */
  owner?: string;
}

/** Keeps webhooks: URLs to which the server posts what happens. Rejects and throws as TasksClient does. */
export interface WebhooksClient {
  /**
   * Makes a webhook. The secret is told here and never again. Is tried again only when the server says that nothing was done: when it
   * rejects with `CONNECTION_LOST`, `list` tells whether it had its effect. Rejects with `URL_FORBIDDEN`, `HOST_UNRESOLVED`,
   * `TASK_NOT_FOUND`, `AGENT_NOT_FOUND`, `LIMIT_REACHED`.
   */
  create(webhook: NewWebhook, options?: ReadOptions): Promise<With<CreateWebhookResponse, "webhook">>;
  /** Gets a webhook, without its secret. Rejects with `WEBHOOK_NOT_FOUND`. */
  get(webhookId: string, options?: ReadOptions): Promise<Webhook>;
  /** Lists webhooks, oldest first. Reads on page by page as it is iterated. */
  list(filters?: WebhookFilters): AsyncIterable<Webhook>;
  /** Pauses a webhook until it is resumed. Rejects with `WEBHOOK_NOT_FOUND`. */
  pause(webhookId: string, options?: ReadOptions): Promise<Webhook>;
  /** Resumes a webhook where it was, and tries again at once what has failed. Rejects with `WEBHOOK_NOT_FOUND`. */
  resume(webhookId: string, options?: ReadOptions): Promise<Webhook>;
  /** Deletes a webhook. Is tried again as `create` is. Rejects with `WEBHOOK_NOT_FOUND`. */
  delete(webhookId: string, options?: ReadOptions): Promise<void>;
}

/** Makes a WebhooksClient over a transport. */
export function createWebhooksClient(transport: Transport, policy: RetryPolicy): WebhooksClient {
  const rpc: Client<typeof WebhookService> = createClient(WebhookService, transport);
  return {
    async create({ taskId, agent, ...webhook }, { signal } = {}) {
      const source =
        agent === undefined
          ? { case: "taskId" as const, value: taskId }
          : { case: "agent" as const, value: agent };
      const request = createRequest(CreateWebhookRequestSchema, { ...webhook, source });
      const response = await retry(policy, signal, (call) => rpc.createWebhook(request, call), isRefused);
      return requireField(response, "webhook");
    },
    async get(webhookId, { signal } = {}) {
      const response = await retry(policy, signal, (call) => rpc.getWebhook({ webhookId }, call));
      return requireField(response, "webhook").webhook;
    },
    list: ({ signal, ...filters } = {}) =>
      readPages(signal, async (pageToken) => {
        const request = { ...filters, pageToken };
        const response = await retry(policy, signal, (call) => rpc.listWebhooks(request, call));
        return { items: response.webhooks, nextPageToken: response.nextPageToken };
      }),
    async pause(webhookId, { signal } = {}) {
      const response = await retry(policy, signal, (call) => rpc.pauseWebhook({ webhookId }, call));
      return requireField(response, "webhook").webhook;
    },
    async resume(webhookId, { signal } = {}) {
      const response = await retry(policy, signal, (call) => rpc.resumeWebhook({ webhookId }, call));
      return requireField(response, "webhook").webhook;
    },
    async delete(webhookId, { signal } = {}) {
      await retry(policy, signal, (call) => rpc.deleteWebhook({ webhookId }, call), isRefused);
    },
  };
}
