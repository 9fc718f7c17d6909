import { EventState, MessageState, TaskState, WebhookState } from "../../states.ts";

/** Something that holds of every store, and how to find where it does not. */
export interface Invariant {
  /** What holds, in a few words. */
  name: string;
  /**
   * Reads a row `task`, `detail` for each place where it does not hold. A statement of its own, so that it sees one moment, and reads along
   * indexes, so that it keeps nothing.
   */
  sql: string;
}

const { SCHEDULED, QUEUED, PROCESSING, DEAD_LETTERED } = EventState;
const { PENDING, ACTIVE, INPUT_REQUIRED, CANCELLING, PAUSED } = TaskState;
const takesEvents = `(${[PENDING, ACTIVE, INPUT_REQUIRED, PAUSED].join()})`;
const unfinished = `(${[PENDING, ACTIVE, INPUT_REQUIRED, PAUSED, CANCELLING].join()})`;

export const invariants: readonly Invariant[] = [
  {
    name: "a task's sequence is that of its last log entry",
    sql: `select id as task, format('it says %d, and the log ends with %d', sequence, last) as detail
      from (select id, sequence, coalesce((select max(sequence) from log where task_id = t.id), 0) as last from tasks t)
      where sequence <> last`,
  },
  {
    name: "a task counts its events as they are",
    sql: `select id as task, format('[waiting, ahead, held, scheduled, dead] is %s, and of its events %s', counted, found) as detail
      from (select t.id, json_array(waiting, ahead, held, scheduled, dead) as counted,
        (select json_array(count(*) filter (where e.state = ${QUEUED} and e.held = 0),
            count(*) filter (where e.state = ${QUEUED} and e.held = 0 and e.ahead > 0),
            count(*) filter (where e.state = ${QUEUED} and e.held = 1),
            count(*) filter (where e.state = ${SCHEDULED}), count(*) filter (where e.state = ${DEAD_LETTERED}))
          from events e where e.task_id = t.id) as found from tasks t)
      where counted <> found`,
  },
  {
    name: "a task counts its works and children as they are",
    sql: `select id as task, format('[in_hand, retrying, children] is %s, and there are %s', counted, found) as detail
      from (select id, json_array(in_hand, retrying, children) as counted,
        json_array((select count(*) from turns where task_id = t.id),
          (select count(*) from turns where task_id = t.id and owner is null),
          (select count(*) from tasks c where c.parent_id = t.id and c.ended_at is null)) as found from tasks t)
      where counted <> found`,
  },
  {
    name: "no event waits up to a task's cursor",
    sql: `select t.id as task, format('event %d waits, and the cursor is %d', e.sequence, t.cursor) as detail
      from tasks t join events e on e.task_id = t.id and e.sequence <= t.cursor
      where e.state = ${QUEUED} and e.held = 0`,
  },
  {
    name: "an event is parked as its state says",
    sql: `select task_id as task, format('event %d of state %d has %s', sequence, state, coalesce(parked, 'null')) as detail from events
      where parked is not case state when ${SCHEDULED} then 1 when ${DEAD_LETTERED} then 2 end`,
  },
  {
    name: "a work's events are in hand: PROCESSING while its turn runs, or else QUEUED",
    sql: `select w.task_id as task, format('work %d has event %d, %s', w.work, j.value,
        iif(e.id is null, 'which is not there', format('of state %d, held %d', e.state, e.held))) as detail
      from turns w, json_each(w.events) j left join events e on e.task_id = w.task_id and e.sequence = j.value
      where e.id is null or e.held <> 1 or e.state <> iif(w.owner is null, ${QUEUED}, ${PROCESSING})`,
  },
  {
    name: "an event in hand is of one work",
    sql: `select task_id as task, format('event %d of state %d is of %d works', sequence, state, works) as detail
      from (select task_id, sequence, state, (select count(*) from turns w, json_each(w.events) j
          where w.task_id = e.task_id and j.value = e.sequence) as works
        from events e where held = 1 or state = ${PROCESSING})
      where works <> 1`,
  },
  {
    name: "a work runs or is due, under a number that its task has given",
    sql: `select w.task_id as task, format('work %d, turn %d: owner %s, due %s', w.work, w.turn,
        coalesce(w.owner, 'none'), coalesce(w.due_at, 'never')) as detail
      from turns w join tasks t on t.id = w.task_id
      where (w.owner is null) = (w.due_at is null) or w.turn > t.turn or w.own > json_array_length(w.events)
        or (w.owner is not null and exists (select 1 from turns o
          where o.task_id = w.task_id and o.turn = w.turn and o.work < w.work and o.owner is not null))`,
  },
  {
    name: "a task shows the oldest event that is being processed",
    sql: `select id as task, format('it shows %s, and that is %s', coalesce(shown, 'none'), coalesce(found, 'none')) as detail
      from (select t.id, t.processing_id as shown, (select e.id from events e where e.task_id = t.id and e.sequence =
          (select min(j.value) from turns w, json_each(w.events) j where w.task_id = t.id and w.owner is not null)) as found
        from tasks t) where shown is not found`,
  },
  {
    name: "a task's state, and what goes with it, agree",
    sql: `select id as task, format('state %d', state) as detail from tasks
      where (ended_at is null) <> (state in ${unfinished}) or (question is null) <> (state <> ${INPUT_REQUIRED})
        or (state = ${PAUSED} and paused <> 1) or (state = ${CANCELLING} and (cancellation is null or end_state is null))
        or (ended_at is not null and (waiting > 0 or held > 0 or scheduled > 0 or in_hand > 0 or due_at is not null))`,
  },
  {
    name: "work that is to be tried again makes its task due",
    sql: `select id as task, format('due %s, and its work %d', coalesce(due_at, 'never'), retry) as detail
      from (select id, due_at, (select min(due_at) from turns where task_id = t.id and owner is null) as retry
        from tasks t where retrying > 0 and state in ${unfinished} and state <> ${INPUT_REQUIRED})
      where due_at is null or due_at > retry`,
  },
  {
    name: "what happens at a time has its timer",
    sql: `select task, format('%s at %d', kind, at) as detail from (
        select id as task, 'expire' as kind, expire_at as at, 0 as ref from tasks where expire_at is not null and state in ${takesEvents}
        union all select id, 'purge', purge_at, 0 from tasks where purge_at is not null
        union all select id, 'compact', compact_at, 0 from tasks where compact_at is not null
        union all select id, 'answer', question ->> 'expireTime', 0 from tasks where question ->> 'expireTime' is not null
        union all select task_id, 'deliver', deliver_at, sequence from events where state = ${SCHEDULED})
      where not exists (select 1 from timers where due_at = at and task_id = task and timers.kind = kind and timers.ref = ref)`,
  },
  {
    name: "an event has its content in the log",
    sql: `select task_id as task, format('event %d', sequence) as detail from events e where not exists (select 1 from log l
        where l.task_id = e.task_id and l.sequence = e.sequence and l.kind = 'event' and l.content is not null)`,
  },
  {
    // One that was delivered late or redriven has moved: it is at the sequence of its last entry with content.
    name: "an event that the log tells of is there",
    sql: `select task_id as task, format('event %s, accepted at %d', meta ->> 'id', sequence) as detail from log l
      where kind = 'event' and content is not null
        and not exists (select 1 from events e where e.task_id = l.task_id and e.sequence = l.sequence)
        and not exists (select 1 from events e
          where e.task_id = l.task_id and e.sequence > l.sequence and e.id = l.meta ->> 'id')`,
  },
  {
    name: "a message has its entries in the log",
    sql: `select task_id as task, format('message %d', sequence) as detail from messages m
      where not exists (select 1 from log l where l.task_id = m.task_id and l.sequence = m.sequence and l.kind = 'message')
        or (done_sequence is not null and not exists (select 1 from log l
          where l.task_id = m.task_id and l.sequence = m.done_sequence and l.kind in ('message', 'superseded')))`,
  },
  {
    name: "a message streams while its turn runs",
    sql: `select task_id as task, format('message %d of turn %d', sequence, turn) as detail from messages m
      where state = ${MessageState.STREAMING} and not exists (select 1 from turns w
        where w.task_id = m.task_id and w.turn = m.turn and w.owner is not null)`,
  },
  ...["log", "events", "messages"].map((table) => orphans(table, true)),
  ...["task_params", "task_state", "state_history", "turns"].map((table) => orphans(table, false)),
  {
    name: "no timer is of a task that was deleted, but the one that clears it away",
    sql: `select task_id as task, kind as detail from timers
      where kind <> 'sweep' and not exists (select 1 from tasks where id = task_id)`,
  },
  {
    name: "no answered request is of a task that was deleted",
    sql: `select r.task_id as task, format('request %s', r.id) as detail from requests r
      where not exists (select 1 from tasks where id = r.task_id)
        and (r.scope = '' or not exists (select 1 from timers where kind = 'sweep' and task_id = r.task_id))`,
  },
  {
    name: "a schedule has its contents, and fires only while it is not paused",
    sql: `select null as task, format('schedule %s', name) as detail from schedules s
      where not exists (select 1 from schedule_contents where owner = s.owner and name = s.name) or (paused = 1 and next_time is not null)
      union all select null, format('contents of %s', name) from schedule_contents c
      where not exists (select 1 from schedules where owner = c.owner and name = c.name)`,
  },
  {
    name: "what a firing began is of a schedule that is there",
    sql: `select task_id as task, format('schedule %s, event %d', name, sequence) as detail from schedule_firings f
      where (sequence = 0) <> (event_id is null) or not exists (select 1 from schedules s
        where s.owner = f.owner and s.name = f.name)`,
  },
  {
    name: "what a webhook has to post is of a webhook and a task that are there, and due",
    sql: `select q.task_id as task, format('webhook %s, cursor %d, marked %d', q.webhook_id, q.cursor, q.marked) as detail
      from webhook_queue q left join webhooks w on w.id = q.webhook_id left join tasks t on t.id = q.task_id
      where w.id is null or t.id is null or q.cursor > q.marked or q.marked > t.sequence
        or (w.state = ${WebhookState.ACTIVE} and w.due_at is null)`,
  },
  {
    name: "a revision that is kept is one that the task has had",
    sql: `select h.task_id as task, format('revision %d at entry %d, of %d at %d', h.revision, h.sequence, t.revision, t.sequence) as detail
      from state_history h join tasks t on t.id = h.task_id
      where h.revision not between 1 and t.revision or h.sequence not between 1 and t.sequence + 1`,
  },
];

/** Finds the tasks that a table has rows of and that are not there, looking each up once. What is large is cleared away bit by bit. */
function orphans(table: string, swept: boolean): Invariant {
  return {
    name: `no row of ${table} is of a task that was deleted`,
    sql: `with recursive found (owner_id) as (select min(task_id) from ${table}
        union all select (select min(r.task_id) from ${table} r where r.task_id > found.owner_id)
          from found where found.owner_id is not null)
      select owner_id as task, 'it is not there' as detail from found where owner_id is not null
        and not exists (select 1 from tasks where tasks.id = owner_id)
        ${swept ? "and not exists (select 1 from timers where kind = 'sweep' and task_id = owner_id)" : ""}`,
  };
}
