/**
 * The part of the schema that outgoing webhooks need.
 *
 * `webhook_queue` has a row for each task that a webhook is behind in, and none for the others. Triggers keep it, because whoever appends
 * to the log must not be able to forget it; without webhooks an append costs them one look at an empty table.
 */
export const webhookSchema = `
  create table webhooks (
    id text primary key,
    url text not null,
    secret text not null,
    -- What it follows: one of the two.
    task_id text,
    agent text,
    -- The kinds of log entries that it posts, with blanks between.
    kinds text not null,
    state integer not null,
    -- Of the attempts since the last success: how many failed, in how many rounds, since when, and with what.
    failures integer not null,
    rounds integer not null,
    failing_since integer,
    last_error text,
    delivered_at integer,
    -- When it last had a turn, so that those with much to post do not keep the others waiting.
    attempted_at integer not null,
    -- Before this nothing of it is tried again.
    retry_at integer,
    -- When it has something to post: the earliest of its queue, not before retry_at; null when it has not, or is not ACTIVE.
    due_at integer,
    created_at integer not null
  ) strict, without rowid;

  create index webhooks_created on webhooks (created_at, id);
  create index webhooks_task on webhooks (task_id, created_at, id) where task_id is not null;
  create index webhooks_agent on webhooks (agent, created_at, id) where agent is not null;
  create index webhooks_due on webhooks (due_at) where due_at is not null;

  create table webhook_queue (
    webhook_id text not null,
    task_id text not null,
    -- Every entry up to this sequence is settled.
    cursor integer not null,
    -- The last entry to post.
    marked integer not null,
    due_at integer not null,
    -- How often the next entry to post has failed.
    failures integer not null,
    primary key (webhook_id, task_id)
  ) strict, without rowid;

  create index webhook_queue_due on webhook_queue (webhook_id, due_at);
  create index webhook_queue_failed on webhook_queue (webhook_id, due_at) where failures > 0;
  create index webhook_queue_task on webhook_queue (task_id);

  -- Of messages, the entry of state DONE (2) is posted. A webhook's state is ACTIVE when it is 1.
  create trigger webhooks_mark after insert on log
  when new.kind <> 'delta' and exists (select 1 from webhooks)
    and (new.kind <> 'message' or new.meta ->> 'state' = 2)
  begin
    insert into webhook_queue (webhook_id, task_id, cursor, marked, due_at, failures)
      select id, new.task_id, new.sequence - 1, new.sequence, new.time, 0 from webhooks
      where (task_id = new.task_id or agent = (select agent from tasks where id = new.task_id))
        and instr(kinds, new.kind) > 0
      on conflict (webhook_id, task_id) do update set marked = max(marked, excluded.marked);
    update webhooks set due_at = (select max(min(q.due_at), coalesce(webhooks.retry_at, 0))
        from webhook_queue q where q.webhook_id = webhooks.id)
      where (task_id = new.task_id or agent = (select agent from tasks where id = new.task_id))
        and instr(kinds, new.kind) > 0 and state = 1 and (due_at is null or due_at > new.time);
  end;

  create trigger webhooks_forget after delete on tasks
  begin
    update webhooks set due_at = (select max(min(q.due_at), coalesce(webhooks.retry_at, 0))
        from webhook_queue q where q.webhook_id = webhooks.id and q.task_id <> old.id)
      where due_at is not null and id in (select webhook_id from webhook_queue where task_id = old.id);
    delete from webhook_queue where task_id = old.id;
    delete from webhooks where task_id = old.id;
  end;
`;
