import { TaskError, webhookNotFound } from "../../errors.ts";
import type { ListPage, Millis } from "../records.ts";
import { WebhookState } from "../states.ts";
import type {
  ChangeWebhook,
  CreateWebhook,
  ListWebhooks,
  WebhookEntryKind,
  WebhookRecord,
  WebhookSource,
} from "../webhook-records.ts";
import type { Sql } from "./sql.ts";
import { readTaskOf, type Tx } from "./tx.ts";

/** A row of `webhooks`, without its secret. */
interface WebhookRow {
  id: string;
  owner: string;
  url: string;
  task_id: string | null;
  agent: string | null;
  kinds: string;
  state: WebhookState;
  failures: number;
  last_error: string | null;
  delivered_at: number | null;
  retry_at: number | null;
  created_at: number;
}

/** See WebhookStore.createWebhook. */
export function createWebhook(tx: Tx, args: CreateWebhook): WebhookRecord {
  const { id, owner = "", source, now } = args;
  const { count } = tx.sql.one<{ count: number }>`select count(*) as count from webhooks
    where owner = ${owner}` ?? { count: 0 };
  if (count >= args.maxWebhooks) {
    throw new TaskError("LIMIT_REACHED", `there are ${count} webhooks, as many as an owner may have`, {
      metadata: { max_webhooks: String(args.maxWebhooks) },
    });
  }
  const task = source.taskId === undefined ? undefined : readTaskOf(tx.sql, source.taskId);
  tx.sql
    .run`insert into webhooks (id, owner, tasks_of, url, secret, task_id, agent, kinds, state, failures, rounds, attempted_at, created_at)
    values (${id}, ${owner}, ${args.tasksOf}, ${args.url}, ${args.secret}, ${source.taskId}, ${source.agent}, ${args.kinds.join(" ")},
      ${WebhookState.ACTIVE}, 0, 0, 0, ${now})`;
  if (task !== undefined) {
    tx.sql.run`insert into webhook_queue (webhook_id, task_id, cursor, marked, due_at, failures)
      values (${id}, ${task.id}, 0, ${task.sequence}, ${now}, 0)`;
  }
  refreshDue(tx.sql, id);
  return requireWebhook(tx.sql, id);
}

/** See WebhookStore.getWebhook. */
export function getWebhook(tx: Tx, id: string): WebhookRecord | undefined {
  const row = tx.sql.one<WebhookRow>`select * from webhooks where id = ${id}`;
  return row && webhookRecord(tx.sql, row);
}

/** See WebhookStore.listWebhooks. */
export function listWebhooks(
  tx: Tx,
  { owner, agent, taskId, after, limit }: ListWebhooks,
): ListPage<WebhookRecord> {
  // A filter that is not given is left out of the text, so that those that are can use their index.
  const where: [condition: string, ...values: (string | number)[]][] = [["true"]];
  if (after !== undefined) where.push(["(created_at, id) > (?, ?)", after.createTime, after.id]);
  if (owner !== undefined) where.push([owner === "" ? "owner = ?" : "owner = ? and owner <> ''", owner]);
  if (agent !== undefined) where.push(["agent = ?", agent]);
  if (taskId !== undefined) where.push(["task_id = ?", taskId]);
  const rows = tx.sql.query<WebhookRow>(
    `select * from webhooks where ${where.map(([condition]) => condition).join(" and ")}
      order by created_at, id limit ?`,
    [...where.flatMap(([, ...values]) => values), limit + 1],
  );
  const items = rows.slice(0, limit).map((row) => webhookRecord(tx.sql, row));
  return { items, more: rows.length > limit };
}

/** See WebhookStore.pauseWebhook. */
export function pauseWebhook(tx: Tx, { id }: ChangeWebhook): WebhookRecord {
  tx.sql.run`update webhooks set state = ${WebhookState.PAUSED}, due_at = null where id = ${id}`;
  return requireWebhook(tx.sql, id);
}

/** See WebhookStore.resumeWebhook. */
export function resumeWebhook(tx: Tx, { id, now }: ChangeWebhook): WebhookRecord {
  tx.sql.run`update webhook_queue set failures = 0, due_at = ${now}
    where webhook_id = ${id} and (failures > 0 or due_at > ${now})`;
  tx.sql
    .run`update webhooks set state = ${WebhookState.ACTIVE}, rounds = 0, failing_since = null, retry_at = null
    where id = ${id}`;
  refreshDue(tx.sql, id);
  return requireWebhook(tx.sql, id);
}

/** See WebhookStore.deleteWebhook. */
export function deleteWebhook(tx: Tx, id: string): void {
  if (tx.sql.run`delete from webhooks where id = ${id}` === 0) throw webhookNotFound(id);
  tx.sql.run`delete from webhook_queue where webhook_id = ${id}`;
}

/** Says when a webhook has something to post, after its state, its queue or its `retry_at` has changed. */
export function refreshDue(sql: Sql, id: string): void {
  sql.run`update webhooks set due_at = case when state = ${WebhookState.ACTIVE} then
      (select max(min(q.due_at), coalesce(webhooks.retry_at, 0)) from webhook_queue q where q.webhook_id = webhooks.id)
    end where id = ${id}`;
}

function requireWebhook(sql: Sql, id: string): WebhookRecord {
  const row = sql.one<WebhookRow>`select * from webhooks where id = ${id}`;
  if (row === undefined) throw webhookNotFound(id);
  return webhookRecord(sql, row);
}

function webhookRecord(sql: Sql, row: WebhookRow): WebhookRecord {
  const retryTime = row.state === WebhookState.ACTIVE ? retryTimeOf(sql, row) : undefined;
  return {
    id: row.id,
    ...(row.owner !== "" && { owner: row.owner }),
    url: row.url,
    source: sourceOf(row),
    kinds: row.kinds.split(" ") as WebhookEntryKind[],
    state: row.state,
    failures: row.failures,
    ...(row.last_error !== null && { lastError: row.last_error }),
    ...(row.delivered_at !== null && { deliveryTime: row.delivered_at }),
    ...(retryTime !== undefined && { retryTime }),
    createTime: row.created_at,
  };
}

function sourceOf({ task_id, agent }: WebhookRow): WebhookSource {
  return task_id === null ? { agent: agent ?? "" } : { taskId: task_id };
}

function retryTimeOf(sql: Sql, { id, retry_at }: WebhookRow): Millis | undefined {
  const failed = sql.one<{ due_at: number }>`select due_at from webhook_queue
    where webhook_id = ${id} and failures > 0 order by due_at limit 1`;
  return failed && Math.max(failed.due_at, retry_at ?? 0);
}
