import type { LogEntry } from "../records.ts";
import { MessageState, WebhookState } from "../states.ts";
import type {
  Delivery,
  DueDeliveries,
  DueDeliveriesResult,
  NextDelivery,
  SettleDelivery,
} from "../webhook-records.ts";
import { readEntries } from "./log.ts";
import type { Sql } from "./sql.ts";
import { readTask, type Tx } from "./tx.ts";
import { refreshDue } from "./webhooks.ts";

/** See WebhookStore.dueDeliveries. */
export function dueDeliveries(tx: Tx, args: DueDeliveries): DueDeliveriesResult {
  const { now } = args;
  const except = JSON.stringify(args.except);
  const webhooks = tx.sql.all<{ id: string; failures: number }>`select id, failures from webhooks
    where due_at <= ${now} and id not in (select value from json_each(${except}))
    order by attempted_at, due_at, id limit ${args.maxWebhooks}`;
  const due = webhooks.map(({ id, failures }) => {
    const tasks = tx.sql.all<{ task_id: string }>`select task_id from webhook_queue
      where webhook_id = ${id} and due_at <= ${now} order by due_at, task_id limit ${args.maxTasks}`;
    return { webhookId: id, failing: failures > 0, taskIds: tasks.map(({ task_id }) => task_id) };
  });
  const next = tx.sql.one<{ due_at: number }>`select due_at from webhooks where due_at > ${now}
    order by due_at limit 1`;
  const any = tx.sql.one`select 1 from webhooks limit 1` !== undefined;
  return { due, ...(next && { nextTime: next.due_at }), any };
}

interface CursorRow {
  url: string;
  secret: string;
  kinds: string;
  rounds: number;
  cursor: number;
  marked: number;
  failures: number;
}

/** See WebhookStore.nextDelivery. */
export function nextDelivery(tx: Tx, { webhookId, taskId, now }: NextDelivery): Delivery | undefined {
  // A task that fails by itself again and again says nothing of the receiver.
  const row = tx.sql.one<CursorRow>`select w.url, w.secret, w.kinds, q.cursor, q.marked, q.failures,
      iif(exists (select 1 from webhook_queue o where o.webhook_id = w.id and o.failures > 0 and o.task_id <> q.task_id),
        w.rounds, 0) as rounds
    from webhook_queue q join webhooks w on w.id = q.webhook_id
    where q.webhook_id = ${webhookId} and q.task_id = ${taskId} and w.due_at <= ${now} and q.due_at <= ${now}`;
  if (row === undefined) return undefined;
  const entry = findEntry(tx.sql, taskId, row);
  const { url, secret, failures, rounds } = row;
  return {
    ...{ url, secret, failures, rounds },
    sequence: entry?.sequence ?? row.marked,
    ...(entry && { entry, ...originOf(tx.sql, taskId, entry) }),
  };
}

/** How far back an entry's event is looked for: there is no index on the ids of events. */
const maxLookBack = 1000;

/** Finds the trace context of what an entry is about: of its event, or else of its task. */
function originOf(sql: Sql, taskId: string, entry: LogEntry): { trace?: string } {
  const id = entry.kind === "event" ? entry.event.id : eventIdOf(entry);
  const event =
    id &&
    sql.one<{ trace: string | null }>`select trace from events
      where task_id = ${taskId} and sequence <= ${entry.sequence} and sequence > ${entry.sequence - maxLookBack}
        and id = ${id} and trace is not null order by sequence desc limit 1`;
  const found = event || sql.one<{ trace: string | null }>`select trace from tasks where id = ${taskId}`;
  return found?.trace ? { trace: found.trace } : {};
}

function eventIdOf(entry: LogEntry): string | undefined {
  if (entry.kind === "message") return entry.message.eventId;
  return entry.kind === "superseded" ? entry.superseded.eventId : undefined;
}

/** Finds the first entry after a cursor that a webhook posts. */
function findEntry(sql: Sql, taskId: string, { kinds, cursor, marked }: CursorRow): LogEntry | undefined {
  const wanted = JSON.stringify(kinds.split(" "));
  const found = sql.one<{ sequence: number }>`select sequence from log
    where task_id = ${taskId} and sequence > ${cursor} and sequence <= ${marked}
      and kind in (select value from json_each(${wanted}))
      and (kind <> 'message' or meta ->> 'state' = ${MessageState.DONE})
    order by sequence limit 1`;
  const task = found && readTask(sql, taskId);
  if (found === undefined || task === undefined) return undefined;
  for (const { entry } of readEntries(sql, task, found.sequence - 1)) return withContent(sql, entry);
  return undefined;
}

/** Gives an entry that ends a message the message's content, which stands elsewhere if deltas have told it. */
function withContent(sql: Sql, entry: LogEntry): LogEntry {
  if (entry.kind !== "message" || entry.message.content !== undefined) return entry;
  const { taskId, sequence } = entry.message;
  const row = sql.one<{ content: Uint8Array | null }>`select coalesce(m.content, l.content) as content
    from messages m join log l on l.task_id = m.task_id and l.sequence = m.sequence
    where m.task_id = ${taskId} and m.sequence = ${sequence}`;
  return row?.content ? { ...entry, message: { ...entry.message, content: row.content } } : entry;
}

/** See WebhookStore.settleDelivery. */
export function settleDelivery(tx: Tx, args: SettleDelivery): WebhookState | undefined {
  const { webhookId, outcome, now } = args;
  if (outcome.kind === "failed") {
    const { error, rounds, deadAfter, idleAfter } = outcome;
    tx.sql.run`update webhook_queue set failures = failures + 1, due_at = ${outcome.retryTime}
      where webhook_id = ${webhookId} and task_id = ${args.taskId} and cursor < ${args.sequence}`;
    tx.sql
      .run`update webhooks set failures = failures + 1, rounds = max(rounds, ${rounds + 1}), last_error = ${error},
      failing_since = iif(${now} - attempted_at > ${idleAfter}, ${now}, coalesce(failing_since, ${now})),
      retry_at = nullif(max(coalesce(retry_at, 0), coalesce(${outcome.resumeTime}, 0)), 0),
      attempted_at = ${now} where id = ${webhookId}`;
    tx.sql.run`update webhooks set state = ${WebhookState.DEAD}
      where id = ${webhookId} and state = ${WebhookState.ACTIVE} and ${now} - failing_since >= ${deadAfter}`;
  } else {
    moveCursor(tx.sql, args);
    if (outcome.kind === "delivered") {
      tx.sql
        .run`update webhooks set failures = 0, rounds = 0, last_error = null, failing_since = null, retry_at = null,
        delivered_at = ${now}, attempted_at = ${now} where id = ${webhookId}`;
    }
  }
  refreshDue(tx.sql, webhookId);
  return tx.sql.one<{ state: WebhookState }>`select state from webhooks where id = ${webhookId}`?.state;
}

/** Moves a cursor forward. What is then left of the task goes to the end of the webhook's line. */
function moveCursor(sql: Sql, { webhookId, taskId, sequence, now }: SettleDelivery): void {
  sql.run`update webhook_queue set cursor = ${sequence}, due_at = ${now}, failures = 0
    where webhook_id = ${webhookId} and task_id = ${taskId} and cursor < ${sequence}`;
  sql.run`delete from webhook_queue where webhook_id = ${webhookId} and task_id = ${taskId} and cursor >= marked`;
}
