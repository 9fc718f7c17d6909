import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { type CreateWebhookRequest, WebhookKind, type WebhookSchema, type WebhookService } from "../proto.ts";
import type { Agent } from "./agent.ts";
import { type Caller, callerKey, ownerToList } from "./auth/index.ts";
import type { Clock } from "./clock.ts";
import { TaskError, webhookNotFound } from "./errors.ts";
import { requireAgent } from "./mailbox/mailbox.ts";
import { createPageTokens, defaultPageSize } from "./page-token.ts";
import type { Store } from "./store/store.ts";
import type { WebhookEntryKind, WebhookRecord, WebhookSource } from "./store/webhook-records.ts";
import { type AddressGuard, createSecret, requireSecret } from "./webhooks/outgoing/index.ts";

const maxWebhooks = 10_000;

export interface WebhookServiceOptions {
  agents: ReadonlyMap<string, Agent>;
  store: Pick<
    Store,
    "createWebhook" | "getWebhook" | "listWebhooks" | "pauseWebhook" | "resumeWebhook" | "deleteWebhook"
  >;
  guard: AddressGuard;
  deliverer: { wake(): void };
  clock: Clock;
}

/** WebhookService over the store. Its requests have passed validation. */
export function createWebhookService({
  agents,
  store,
  guard,
  deliverer,
  clock,
}: WebhookServiceOptions): ServiceImpl<typeof WebhookService> {
  return {
    async createWebhook(request, { values }) {
      const { principal, owner } = values.get(callerKey);
      const { url } = request;
      const secret = request.secret === "" ? createSecret() : request.secret;
      const source = sourceOf(request);
      const kinds = kindsOf(request.kinds);
      requireSecret(secret);
      if (source.agent !== undefined) requireAgent(agents, source.agent);
      await guard.check(url);
      const whose = {
        ...(principal.id !== "" && { owner: principal.id }),
        ...(source.agent !== undefined && owner !== undefined && { tasksOf: owner }),
      };
      const args = { id: clock.id(), ...whose, url, source, kinds, secret, maxWebhooks, now: clock.now() };
      const webhook = renderWebhook(await store.createWebhook(args));
      deliverer.wake();
      return { webhook, secret };
    },

    async getWebhook({ webhookId }, { values }) {
      return { webhook: renderWebhook(await load(webhookId, values.get(callerKey))) };
    },

    async listWebhooks({ agent, taskId, owner: asked, pageSize, pageToken }, { values }) {
      const owner = ownerToList(values.get(callerKey), asked);
      if (owner === "none") return {};
      const tokens = createPageTokens("webhooks", [agent, taskId, asked], ["number", "string"]);
      const position = tokens.decode(pageToken);
      const { items, more } = await store.listWebhooks({
        ...owner,
        ...(agent !== "" && { agent }),
        ...(taskId !== "" && { taskId }),
        ...(position && { after: { createTime: Number(position[0]), id: String(position[1]) } }),
        limit: pageSize || defaultPageSize,
      });
      const last = items.at(-1);
      return {
        webhooks: items.map(renderWebhook),
        nextPageToken: more && last !== undefined ? tokens.encode([last.createTime, last.id]) : "",
      };
    },

    async pauseWebhook({ webhookId }, { values }) {
      await load(webhookId, values.get(callerKey));
      return { webhook: renderWebhook(await store.pauseWebhook({ id: webhookId, now: clock.now() })) };
    },

    async resumeWebhook({ webhookId }, { values }) {
      await load(webhookId, values.get(callerKey));
      const webhook = await store.resumeWebhook({ id: webhookId, now: clock.now() });
      deliverer.wake();
      return { webhook: renderWebhook(webhook) };
    },

    async deleteWebhook({ webhookId }, { values }) {
      await load(webhookId, values.get(callerKey));
      await store.deleteWebhook(webhookId);
      return {};
    },
  };

  /** Finds a webhook that the caller sees. Throws WEBHOOK_NOT_FOUND. */
  async function load(id: string, { owner }: Caller): Promise<WebhookRecord> {
    const webhook = await store.getWebhook(id);
    if (webhook === undefined || (owner !== undefined && webhook.owner !== owner)) throw webhookNotFound(id);
    return webhook;
  }
}

const kinds: readonly [WebhookKind, WebhookEntryKind][] = [
  [WebhookKind.TASK, "task"],
  [WebhookKind.EVENT, "event"],
  [WebhookKind.MESSAGE, "message"],
  [WebhookKind.SUPERSEDED, "superseded"],
];

/** Gives the kinds that were asked for, each once, or all if none was. Throws FIELD_INVALID. */
function kindsOf(asked: readonly WebhookKind[]): WebhookEntryKind[] {
  const known = kinds.map(([kind]) => kind);
  const wrong = asked.findIndex((kind) => !known.includes(kind));
  if (wrong >= 0) {
    const field = `kinds[${wrong}]`;
    const description = "must be a kind of entry";
    throw new TaskError("FIELD_INVALID", `${field}: ${description}`, { fields: [{ field, description }] });
  }
  return kinds.filter(([kind]) => asked.length === 0 || asked.includes(kind)).map(([, kind]) => kind);
}

function sourceOf({ source }: CreateWebhookRequest): WebhookSource {
  return source.case === "agent" ? { agent: source.value } : { taskId: source.value ?? "" };
}

/** Renders a webhook as the protocol shows it. */
function renderWebhook(record: WebhookRecord): MessageInitShape<typeof WebhookSchema> {
  const { source, deliveryTime, retryTime } = record;
  return {
    id: record.id,
    owner: record.owner ?? "",
    url: record.url,
    source:
      source.agent === undefined
        ? { case: "taskId", value: source.taskId }
        : { case: "agent", value: source.agent },
    kinds: kinds.filter(([, kind]) => record.kinds.includes(kind)).map(([kind]) => kind),
    state: record.state,
    failures: record.failures,
    lastError: record.lastError ?? "",
    ...(deliveryTime !== undefined && { deliveryTime: timestampFromMs(deliveryTime) }),
    ...(retryTime !== undefined && { retryTime: timestampFromMs(retryTime) }),
    createTime: timestampFromMs(record.createTime),
  };
}
