/** The revisions of tasks' states, and how many of them an agent has kept. */
export const stateHistorySchema = `
  alter table agents add column state_history integer;

  -- What leads back from a revision to the one before: the keys that it changed, with the values that they had.
  create table state_history (
    task_id text not null,
    revision integer not null,
    -- The first entry of the log that shows the task with it.
    sequence integer not null,
    time integer not null,
    -- As JSON: the texts of the values by key; null for a key that was not there.
    undo text not null,
    -- The length of all revisions before that were kept without a gap, so that what is too much is found without a sum.
    start integer not null,
    primary key (task_id, revision)
  ) strict, without rowid;
`;
