import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkDatabase } from "../src/server/store/sqlite/check/check-database.ts";
import { invariants } from "../src/server/store/sqlite/check/invariants.ts";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import { jsonLines, runToEnd } from "./cli-rig.ts";
import { at, createScene, show } from "./store-contract/scene.ts";
import { tempDir } from "./temp-dir.ts";

const folder = mkdtempSync(join(tmpdir(), "pigeonhole-check-"));
const sound = join(folder, "sound.db");
const now = at(1000);
afterAll(() => rmSync(folder, { recursive: true }));

/** A store with something of everything: what waits, runs, is to be tried again, is scheduled, dead, asked, compacted. */
beforeAll(async () => {
  const store = await openSqliteStore(sound);
  const busy = createScene(store);
  await busy.rules({ parallel: 2, keepDeltas: 0, retention: 1000 });
  await busy.activate();
  for (const name of ["a", "b", "c"]) await busy.send(name);
  await busy.send("steers", { onBusy: "steer" });
  await busy.send("later", { deliverTime: at(99_000) });
  const running = await busy.turn();
  await busy.append(running.turn, [show.begin("streams"), show.delta("streams", "it ")]);
  const failing = await busy.turn();
  await busy.fail(failing.turn, { retryTime: at(50_000) });
  await busy.send("steers, too", { onBusy: "steer" });
  await createScene(store).activate();
  await busy.create({ taskId: busy.id("child"), parentTaskId: busy.id("task"), expireTime: at(99_000) });

  const dead = createScene(store);
  await dead.rules({ keepDeltas: 0 });
  await dead.activate();
  await dead.send("told");
  const { turn } = await dead.turn();
  await dead.append(turn, [
    show.begin("m"),
    show.delta("m", "1"),
    show.delta("m", "2"),
    show.delta("m", "3"),
  ]);
  await dead.commit(turn, { output: [show.end("m", "123")], changes: { key: "1" } });
  await dead.send("poison");
  await dead.fail((await dead.turn()).turn);
  await dead.fire(now);
  await dead.send("waits");
  await store.close();
  expect(findings(sound)).toEqual([]);
});

function findings(path: string) {
  return [...checkDatabase(path, now)].flatMap((finding) => finding ?? []);
}

/** A copy of the store, damaged by a statement that changes something. */
function damaged(sql: string): string {
  const path = join(tempDir(), "damaged.db");
  copyFileSync(sound, path);
  const db = new DatabaseSync(path);
  db.exec(sql);
  expect(db.prepare("select changes() as n").get()?.n).toBeGreaterThan(0);
  db.close();
  return path;
}

describe("a check of a store", () => {
  it.each([
    ["delete from log where kind = 'event' and sequence = 4", /misses no sequence/],
    ["delete from log where rowid_of_last", /sequence is that of its last/],
    ["update tasks set sequence = sequence + 1 where waiting > 0", /sequence is that of its last/],
    ["update tasks set waiting = waiting + 1 where waiting > 0", /counts its events/],
    ["update tasks set ahead = 0 where ahead > 0", /counts its events/],
    ["update tasks set dead = 0 where dead > 0", /counts its events/],
    ["delete from events where state = 4", /event that the log tells of is there/],
    ["update tasks set children = 0 where children > 0", /counts its works and children/],
    ["update tasks set in_hand = in_hand + 1 where in_hand > 0", /counts its works/],
    ["update tasks set cursor = 10000 where waiting > 0", /up to a task's cursor/],
    ["update events set parked = null where state = 5", /parked as its state/],
    ["update events set held = 0 where state = 3", /events are in hand/],
    ["update turns set events = '[]' where owner is not null", /in hand is of one work/],
    ["update turns set owner = null where owner is not null", /runs or is due/],
    ["update turns set turn = 1000", /number that its task has given/],
    ["update tasks set processing_id = 'x' where processing_id is not null", /shows the oldest event/],
    ["update tasks set state = 6 where state = 2", /goes with it, agree/],
    ["update tasks set due_at = null where retrying > 0", /tried again makes its task due/],
    ["update tasks set due_at = null where due_at is not null and in_hand = 0", /due if it has a turn/],
    ["update tasks set due_at = 1 where due_at is null and in_hand = 0", /due if it has a turn/],
    ["delete from timers where kind = 'deliver'", /has its timer/],
    ["delete from timers where kind = 'expire'", /has its timer/],
    ["update log set content = null where kind = 'event' and content is not null", /content in the log/],
    ["update messages set done_sequence = 10000 where done_sequence is not null", /entries in the log/],
    ["update messages set state = 1 where state = 2", /streams while its turn runs/],
    ["delete from tasks where dead > 0", /no row of log is of a task/],
    ["insert into task_state values ('gone', 'k', '1', 1)", /no row of task_state/],
    ["insert into state_history values ('gone', 1, 1, 0, '{}', 0)", /no row of state_history/],
    [
      "insert into state_history select id, 9999, 1, 0, '{}', 0 from tasks limit 1",
      /a revision that is kept/,
    ],
    ["insert into timers values (1, 'gone', 'expire', 0)", /no timer is of a task/],
    ["insert into requests values ('gone', 'r', 'gone', 'f', '{}')", /no answered request/],
    ["insert into schedule_contents values ('', 'gone', null, null)", /a schedule has its contents/],
    ["insert into schedule_firings values ('', 'gone', 't', 0, null)", /a firing began/],
    ["insert into webhook_queue values ('gone', 'gone', 0, 1, 1, 0)", /a webhook has to post/],
  ])("finds what %s does", (sql, check) => {
    const last = "(task_id, sequence) in (select task_id, max(sequence) from log group by task_id limit 1)";
    const found = findings(damaged(sql.replace("rowid_of_last", last)));
    expect(found.map((finding) => finding.check)).toContainEqual(expect.stringMatching(check));
  });

  it("reads along indexes, and sorts and keeps nothing", () => {
    const db = new DatabaseSync(sound, { readOnly: true });
    const plans = invariants.flatMap(({ sql }) => db.prepare(`explain query plan ${sql}`).all());
    expect(plans.length).toBeGreaterThan(50);
    const kept = plans
      .map(({ detail }) => String(detail))
      .filter((step) => /TEMP|AUTOMATIC|MATERIALIZE/.test(step));
    expect(kept).toEqual([]);
    db.close();
  });

  it("finds pages that are damaged, and goes on with what it can read", () => {
    const path = join(tempDir(), "torn.db");
    const bytes = readFileSync(sound);
    bytes.fill(0x5a, 4096 * 5, 4096 * 12);
    writeFileSync(path, bytes);
    const found = findings(path);
    expect(found[0]?.check).toMatch(/integrity_check/);
  });

  it.each([
    ["none of ours", (path: string) => writeFileSync(path, "letter ".repeat(1000)), /not a database/],
    ["that is not there", () => {}, /unable to open/],
    ["of another version", newer, /its schema is version 99/],
  ])("refuses a database %s", (_, make, message) => {
    const path = join(tempDir(), "other.db");
    make(path);
    expect(() => findings(path)).toThrow(message);
  });
});

describe("pigeonhole store check", () => {
  it("prints a line for each finding and ends with 1, or with 0 if there is none", async () => {
    const path = damaged("update tasks set waiting = waiting + 1 where waiting > 0");
    const [text, json, none] = await Promise.all([
      runToEnd(["store", "check", "--store", `sqlite:${path}`]),
      runToEnd(["store", "check", "--store", `sqlite:${path}`, "--json"]),
      runToEnd(["store", "check"], { env: { PIGEONHOLE_STORE: `sqlite:${sound}` } }),
    ]);
    expect([text.code, json.code, none.code]).toEqual([1, 1, 0]);
    expect(text.stdout).toMatch(/^failed {2}task \S+: .* \(a task counts its events as they are\)$/m);
    const lines = jsonLines(json.stdout);
    expect(lines[0]).toMatchObject({ check: "a task counts its events as they are" });
    expect(lines.at(-1)).toMatchObject({ findings: lines.length - 1 });
    expect(none.stdout).toMatch(/ \d\d checks, 0 findings\.\n$/);
  });
});

function newer(path: string): void {
  copyFileSync(sound, path);
  const db = new DatabaseSync(path);
  db.exec("pragma user_version = 99");
  db.close();
}
