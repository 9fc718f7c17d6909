// Fills a new database with events in the mailboxes of a thousand tasks, through the Store.
// Usage: node fill-store.ts <database file> <number of events>
import { create, toBinary } from "@bufbuild/protobuf";
import { EventInputSchema } from "../src/proto.ts";
import { systemClock } from "../src/server/clock.ts";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";

// Nobody serves this agent, so that the events stay where they are.
const agent = "archive";
const eventsPerTask = 1_000;
const atOnce = 4_096;

const [file = "", count = "0"] = process.argv.slice(2);
const parts = [{ content: { case: "text" as const, value: "Please look at order 4711." } }];
const content = toBinary(EventInputSchema, create(EventInputSchema, { parts }));
const { id, now } = systemClock;

const store = await openSqliteStore(file);
await store.putAgents([{ name: agent, maxPending: 1_000_000, parallel: 1, keepDeltas: 3_600_000 }]);
const tasks = await Promise.all(
  Array.from({ length: Math.ceil(Number(count) / eventsPerTask) }, () =>
    store.createTask({ taskId: id(), agent, labels: {}, now: now() }),
  ),
);

let sent = 0;
const sender = async () => {
  while (sent < Number(count)) {
    // Task by task: a batch then writes few pages.
    const taskId = tasks[Math.floor(sent++ / eventsPerTask)]?.task.id ?? "";
    await store.sendEvent({ taskId, event: { id: id(), content }, now: now() });
  }
};
await Promise.all(Array.from({ length: atOnce }, sender));
await store.close();
