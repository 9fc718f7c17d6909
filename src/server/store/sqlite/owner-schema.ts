/**
 * The step that gives tasks, schedules and webhooks an owner; the empty one is the server itself. Names and request ids are an owner's own.
 *
 * The indexes of owned tasks leave out the server's, so that where nobody is authenticated they cost nothing.
 */
export const ownerSchema = `
  alter table tasks add column owner text not null default '';
  drop index tasks_name;
  create unique index tasks_name on tasks (name, owner) where name is not null and ended_at is null;
  drop index tasks_names;
  create index tasks_names on tasks (name, owner, created_at) where name is not null;
  create index tasks_owner on tasks (owner, created_at, id) where owner <> '';
  create index tasks_owner_unfinished on tasks (owner, agent) where owner <> '' and ended_at is null;

  -- The scope of CreateTask is no longer one: it is that of who calls.
  drop index requests_created;
  create index requests_created on requests (task_id) where scope <> task_id;

  drop index schedules_due;
  drop index schedules_agent;
  drop index schedules_request;
  alter table schedules rename to schedules_unowned;
  create table schedules (
    owner text not null,
    name text not null,
    id text not null,
    agent text not null,
    cron text not null,
    time_zone text not null,
    missed text not null,
    overlap text not null,
    task_name text,
    labels text not null,
    paused integer not null,
    pause_reason text,
    declared integer not null,
    -- The fence: when it fires next. Null while it is paused, and when its times have come to an end.
    next_time integer,
    -- The latest of its times that was fired for or skipped.
    settled_time integer,
    last_time integer,
    -- What the last firing began: a task of its own, or the event of a task that has a name, which alone has a sequence.
    last_task_id text,
    last_event_id text,
    last_sequence integer,
    fired integer not null,
    skipped integer not null,
    last_error text,
    created_at integer not null,
    updated_at integer not null,
    -- The request that made it (G8).
    request_id text,
    fingerprint text,
    primary key (owner, name)
  ) strict, without rowid;
  insert into schedules select '', * from schedules_unowned;
  drop table schedules_unowned;
  create index schedules_due on schedules (agent, next_time) where next_time is not null;
  create index schedules_agent on schedules (agent, owner, name);
  create unique index schedules_request on schedules (owner, request_id) where request_id is not null;

  alter table schedule_contents rename to schedule_contents_unowned;
  create table schedule_contents (
    owner text not null,
    name text not null,
    params blob,
    event blob,
    primary key (owner, name)
  ) strict, without rowid;
  insert into schedule_contents select '', * from schedule_contents_unowned;
  drop table schedule_contents_unowned;

  alter table webhooks add column owner text not null default '';
  -- Of one that follows an agent: whose tasks it follows; null when it is everybody's.
  alter table webhooks add column tasks_of text;
  create index webhooks_owner on webhooks (owner, created_at, id) where owner <> '';

  drop trigger webhooks_mark;
  -- Of messages, the entry of state DONE (2) is posted. A webhook's state is ACTIVE when it is 1.
  create trigger webhooks_mark after insert on log
  when new.kind <> 'delta' and exists (select 1 from webhooks)
    and (new.kind <> 'message' or new.meta ->> 'state' = 2)
  begin
    insert into webhook_queue (webhook_id, task_id, cursor, marked, due_at, failures)
      select id, new.task_id, new.sequence - 1, new.sequence, new.time, 0 from webhooks
      where (task_id = new.task_id or agent = (select agent from tasks where id = new.task_id))
        and (tasks_of is null or tasks_of = (select owner from tasks where id = new.task_id))
        and instr(kinds, new.kind) > 0
      on conflict (webhook_id, task_id) do update set marked = max(marked, excluded.marked);
    update webhooks set due_at = (select max(min(q.due_at), coalesce(webhooks.retry_at, 0))
        from webhook_queue q where q.webhook_id = webhooks.id)
      where (task_id = new.task_id or agent = (select agent from tasks where id = new.task_id))
        and (tasks_of is null or tasks_of = (select owner from tasks where id = new.task_id))
        and instr(kinds, new.kind) > 0 and state = 1 and (due_at is null or due_at > new.time);
  end;
`;
