/** The step that adds schedules. `schedules` changes with each firing, and is kept apart from `schedule_contents`, which may be large. */
export const scheduleSchema = `
  create table schedules (
    name text primary key,
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
    fingerprint text
  ) strict, without rowid;

  create index schedules_due on schedules (agent, next_time) where next_time is not null;
  create index schedules_agent on schedules (agent, name);
  create unique index schedules_request on schedules (request_id) where request_id is not null;

  create table schedule_contents (
    name text primary key,
    params blob,
    event blob
  ) strict, without rowid;
  `;

/** The step that has triggers not forget what was begun before: what the last firing began stands in `schedules`. */
export const openFiringsSchema = `
  create table schedule_firings (
    owner text not null,
    name text not null,
    task_id text not null,
    -- Of the event of a task that has a name. Otherwise 0, and there is no event.
    sequence integer not null,
    event_id text,
    primary key (owner, name, task_id, sequence)
  ) strict, without rowid;
  `;
