import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { migrations } from "../src/server/store/sqlite/migrations.ts";
import { openStore, tempDir } from "./temp-dir.ts";

it("a database from before there were owners keeps what it has, as the server's", async () => {
  const path = join(tempDir(), "store.db");
  const db = new DatabaseSync(path);
  for (const step of migrations.slice(0, 3)) db.exec(step);
  db.exec(`pragma application_id = ${0x70676e68}; pragma user_version = 3;
    insert into tasks (id, agent, name, depth, children, labels, state, sequence, created_at, updated_at, revision, waiting, ahead, held,
        scheduled, dead, cursor, in_hand, retrying, turn, paused)
      values ('t', 'a', 'n', 0, 0, '{}', 2, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    insert into requests values ('', 'r', 't', 'f', '{"taskId":"t","snapshot":{},"created":true}');
    insert into schedules (name, id, agent, cron, time_zone, missed, overlap, labels, paused, declared, next_time, fired, skipped,
        created_at, updated_at, request_id, fingerprint)
      values ('s', 'd', 'a', '* * * * *', 'UTC', 'all', 'skip', '{}', 0, 0, 60000, 7, 0, 1, 1, 'sr', 'sf');
    insert into schedule_contents values ('s', x'01', x'02');
    insert into webhooks (id, url, secret, agent, kinds, state, failures, rounds, attempted_at, created_at)
      values ('w', 'https://example.com', 's', 'a', 'task', 1, 0, 0, 0, 1)`);
  db.close();

  const store = await openStore(path);
  const task = await store.getTask({ name: "n", owner: "" });
  expect(task).toMatchObject({ id: "t" });
  expect(task).not.toHaveProperty("owner");
  const request = { id: "r", fingerprint: "f" };
  const again = await store.createTask({ taskId: "u", agent: "a", name: "n", labels: {}, request, now: 2 });
  expect(again).toMatchObject({ duplicate: true, task: { id: "t" } });
  const schedule = await store.getSchedule({ name: "s" });
  expect(schedule).toMatchObject({
    ...{ name: "s", nextTime: 60_000, fired: 7, spec: { missed: "all", overlap: "skip" } },
    action: { params: new Uint8Array([1]), event: new Uint8Array([2]) },
  });
  expect(await store.getWebhook("w")).toMatchObject({ state: 1 });
  await store.createTask({ taskId: "x", agent: "a", creator: "alice", labels: {}, now: 3 });
  const { due } = await store.dueDeliveries({ now: 3, except: [], maxWebhooks: 10, maxTasks: 10 });
  expect(due).toMatchObject([{ webhookId: "w", taskIds: ["x"] }]);
});

it("an owner's lists and counts go by an index of owners", async () => {
  const path = join(tempDir(), "store.db");
  await (await openStore(path)).close();
  const db = new DatabaseSync(path);
  const plan = (sql: string) =>
    db
      .prepare(`explain query plan ${sql}`)
      .all("alice")
      .map(({ detail }) => String(detail));
  expect(
    plan("select * from tasks where owner = ? and owner <> '' order by created_at desc, id desc limit 10"),
  ).toEqual([expect.stringContaining("tasks_owner (owner=?)")]);
  expect(
    plan("select count(*) from tasks where agent = 'a' and owner = ? and owner <> '' and ended_at is null"),
  ).toEqual([expect.stringContaining("tasks_owner_unfinished (owner=? AND agent=?)")]);
  db.close();
});
