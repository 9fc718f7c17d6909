import { ownerSchema } from "./owner-schema.ts";
import { openFiringsSchema, scheduleSchema } from "./schedule-schema.ts";
import { stateHistorySchema } from "./state-history-schema.ts";
import { tokenSchema } from "./token-schema.ts";
import { traceSchema } from "./trace-schema.ts";
import { webhookSchema } from "./webhook-schema.ts";

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
    max_pending integer not null,
    parallel integer not null,
    batch_max integer,
    batch_wait integer,
    retention integer,
    keep_deltas integer not null
  ) strict, without rowid;

  create table tasks (
    id text primary key,
    agent text not null,
    name text,
    parent_id text,
    -- How many parents are above it, and how many of its children have not ended.
    depth integer not null,
    children integer not null,
    labels text not null,
    state integer not null,
    status_reason text,
    error text,
    sequence integer not null,
    created_at integer not null,
    updated_at integer not null,
    ended_at integer,
    revision integer not null,
    -- When a turn may start that does not run yet; null when there is none.
    due_at integer,
    -- Of its events: how many wait in the mailbox; of these, how many go ahead; how many are in hand to be tried again; how many
    -- are scheduled; how many are dead-lettered.
    waiting integer not null,
    ahead integer not null,
    held integer not null,
    scheduled integer not null,
    dead integer not null,
    -- No event up to this sequence waits, so that the oldest that does is found without an index of its own.
    cursor integer not null,
    -- How many works are in hand, and how many of these are to be tried again.
    in_hand integer not null,
    retrying integer not null,
    processing_id text,
    -- The fence: the number of the last turn that was started.
    turn integer not null,
    -- What a turn that deferred asked for, and the sequences of its events, as JSON; null when none has.
    deferred text,
    defer_until integer,
    defer_count integer,
    question text,
    -- 1 while it waits for a redrive.
    paused integer not null,
    cancellation text,
    -- The state that its cancellation leads to.
    end_state integer,
    -- When its timers are due.
    expire_at integer,
    purge_at integer,
    compact_at integer
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
    -- Null when it was deleted while another turn ran, which may have read it.
    value text,
    -- The task's revision since which it is so.
    revision integer not null,
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
    -- Why it goes ahead of others: 1 to steer, 2 to interrupt, 3 as the end of a question; 0 when it does not.
    ahead integer not null,
    hops integer not null,
    -- 1 while it is in hand.
    held integer not null,
    deliver_at integer,
    -- 1 while it is scheduled, 2 while it is dead-lettered.
    parked integer,
    primary key (task_id, sequence)
  ) strict, without rowid;

  create index events_parked on events (task_id, id) where parked is not null;
  -- Those that wait (QUEUED is 2) and go ahead, in the order in which they do: however many have gone, none of them is looked at again.
  create index events_ahead on events (task_id, ahead < 3, sequence) where ahead > 0 and state = 2 and held = 0;

  -- The works in hand: what a turn runs for, or ran for and is to be tried again.
  create table turns (
    task_id text not null,
    -- The sequence of its first event; 0 for onTaskCreate and onTaskCancel.
    work integer not null,
    -- The number of its last turn, and who runs that; null when it is to be tried again.
    turn integer not null,
    owner text,
    handler integer not null,
    -- The sequences of its events, as JSON; the first so many are its own, the others were taken by the running turn.
    events text not null,
    own integer not null,
    -- The log's sequence and the state's revision when the turn began.
    began integer not null,
    revision integer not null,
    attempt integer not null,
    failures integer not null,
    losses integer not null,
    -- When it is to be tried again; null while it runs.
    due_at integer,
    -- Of onTaskCancel: whether it began while a handler was left behind.
    forced integer not null,
    primary key (task_id, work)
  ) strict, without rowid;

  create table timers (
    due_at integer not null,
    task_id text not null,
    kind text not null,
    -- Of a delivery: the event's sequence. Otherwise 0.
    ref integer not null,
    primary key (due_at, task_id, kind, ref)
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
    -- The turn that showed it.
    turn integer not null,
    -- The entry that ended it, if it was streamed, and whether its deltas are in the log.
    done_sequence integer,
    deltas integer not null,
    primary key (task_id, sequence)
  ) strict, without rowid;

  create index messages_deltas on messages (task_id) where deltas = 1;

  -- The requests that were answered (G8), so that they are answered the same. The scope is a task's id, or empty for CreateTask.
  create table requests (
    scope text not null,
    id text not null,
    task_id text not null,
    fingerprint text not null,
    answer text not null,
    primary key (scope, id)
  ) strict, without rowid;

  create index requests_created on requests (task_id) where scope = '';
  `,
  scheduleSchema,
  webhookSchema,
  traceSchema,
  stateHistorySchema,
  ownerSchema,
  tokenSchema,
  // Whether an agent's tasks begin without a turn of their own.
  "alter table agents add column starts_active integer",
  // With the agent, so that who looks for what is due of its own reads no task of agents that are served nowhere.
  `drop index tasks_due;
  create index tasks_due on tasks (due_at, agent) where due_at is not null;`,
  openFiringsSchema,
];
