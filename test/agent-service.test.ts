import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { AgentService } from "../src/proto.ts";
import { createAgentService } from "../src/server/agent-service.ts";
import type { Store } from "../src/server/store/store.ts";
import { copyRow } from "./copy-row.ts";
import { createDesk } from "./service-agent.ts";
import { openStore, tempDir } from "./temp-dir.ts";

it("an agent of very many tasks is counted whole, and holds up no other read", async () => {
  const path = join(tempDir(), "store.db");
  const store = await openStore(path);
  const event = { id: "e", content: new Uint8Array() };
  await store.createTask({ taskId: "first", agent: "desk", labels: {}, event, now: 0 });
  const db = new DatabaseSync(path);
  copyRow(db, "tasks", 20_000, "created_at = created_at + 1");
  db.close();

  const ended: string[] = [];
  let other: Promise<unknown> | undefined;
  const asked: Pick<Store, "countAgent"> = {
    countAgent(args) {
      const page = store.countAgent(args);
      other ??= whileItCounts().then(() => ended.push("read"));
      return page;
    },
  };
  /** Reads something else, after the store's thread was told to count. */
  const whileItCounts = async () => {
    await setImmediate();
    return store.getTask({ id: "first" });
  };
  const agents = new Map([["desk", createDesk("desk").agent]]);
  const transport = createRouterTransport(({ service }) =>
    service(AgentService, createAgentService({ agents, store: asked })),
  );
  const { agent } = await createClient(AgentService, transport).getAgent({ agent: "desk" });
  ended.push("counted");
  await other;
  expect(agent).toMatchObject({ unfinishedTasks: 20_001n, pendingEvents: 20_001n });
  expect(ended).toEqual(["read", "counted"]);
});
