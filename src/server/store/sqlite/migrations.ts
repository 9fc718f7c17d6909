/**
 * The schema, as the steps that lead to it. A step that has been released is never changed; `user_version` counts those that a
 * database has taken.
 *
 * Contents stand in the log alone, once: `events` and the whole `messages` refer to their entry by its sequence. What changes often
 * (`tasks`) is kept apart from what is large (`task_params`), because SQLite writes a row as a whole.
 */
export const migrations: readonly string[] = [
  `
  create table agents (
    name text primary key,
    max_pending integer not null
  ) strict, without rowid;

  create table tasks (
    id text primary key,
    agent text not null,
    name text,
    parent_id text,
    labels text not null,
    state integer not null,
    status_reason text,
    error text,
    pending integer not null,
    processing_id text,
    sequence integer not null,
    created_at integer not null,
    updated_at integer not null,
    ended_at integer,
    revision integer not null,
    -- When a turn may start. Set while one runs, so that it is found when its owner is gone; null when there is nothing to do.
    due_at integer,
    -- Every event up to this sequence is settled, so that the oldest that waits is found without an index of its own.
    cursor integer not null,
    -- The fence: the number of the last turn that was started or made void.
    turn integer not null,
    -- The running turn: who runs it, which handler, for which event, and the log's sequence when it began. Null when none runs.
    turn_owner text,
    turn_handler integer,
    turn_event integer,
    turn_began integer,
    -- Of the work at hand: how many turns were started for it, how many of them failed, how many were lost.
    attempt integer not null,
    failures integer not null,
    losses integer not null
  ) strict, without rowid;

  create unique index tasks_name on tasks (name) where name is not null and ended_at is null;
  create index tasks_names on tasks (name, created_at) where name is not null;
  create index tasks_created on tasks (created_at, id);
  create index tasks_agent on tasks (agent, created_at, id);
  create index tasks_unfinished on tasks (agent) where ended_at is null;
  create index tasks_parent on tasks (parent_id, created_at, id) where parent_id is not null;
  create index tasks_due on tasks (due_at) where due_at is not null;

  create table task_params (
    task_id text primary key,
    params blob not null
  ) strict, without rowid;

  create table task_state (
    task_id text not null,
    key text not null,
    value text not null,
    primary key (task_id, key)
  ) strict, without rowid;

  create table log (
    task_id text not null,
    sequence integer not null,
    time integer not null,
    kind text not null,
    meta text not null,
    content blob,
    primary key (task_id, sequence)
  ) strict, without rowid;

  create table events (
    task_id text not null,
    sequence integer not null,
    id text not null,
    state integer not null,
    attempt integer not null,
    last_error text,
    created_at integer not null,
    updated_at integer not null,
    primary key (task_id, sequence)
  ) strict, without rowid;

  create table messages (
    task_id text not null,
    sequence integer not null,
    id text not null,
    event_id text,
    attempt integer not null,
    author integer not null,
    state integer not null,
    content blob,
    created_at integer not null,
    updated_at integer not null,
    primary key (task_id, sequence)
  ) strict, without rowid;

  -- The requests that were answered (G8), so that they are answered the same. The scope is a task's id, or empty for CreateTask.
  create table requests (
    scope text not null,
    id text not null,
    fingerprint text not null,
    answer text not null,
    primary key (scope, id)
  ) strict, without rowid;
  `,
];
