import { join } from "node:path";
import { expect, it } from "vitest";
import { createClient, EventState } from "../../src/client/index.ts";
import { collect, isEvent } from "../agents/rig.ts";
import { agentPath, runCli, urlOf } from "../crash-process.ts";
import { firingOf } from "../schedules-rig.ts";
import { tempDir } from "../temp-dir.ts";

it("each time fires exactly once over servers that are killed", async () => {
  const store = `sqlite:${join(tempDir(), "store.db")}`;
  const args = ["serve", agentPath("ticker"), "--port", "0", "--store", store];
  const times: string[] = [];
  for (let life = 1; life <= 3; life++) {
    await using server = runCli(args);
    const { tasks, schedules } = createClient({ baseUrl: await urlOf(server) });
    const { task } = await tasks.create({ agent: "ticker", name: "ticks" });
    let ticks = 0;
    for await (const update of tasks.subscribe(task.id, { afterSequence: task.sequence })) {
      if (isEvent(EventState.QUEUED)(update)) ticks += 1;
      if (ticks === 2) break;
    }
    if (life < 3) {
      server.kill("SIGKILL");
      await server.exited;
      continue;
    }
    await schedules.pause("ticker/tick");
    const events = await collect(tasks.events(task.id));
    times.push(...events.map(({ metadata }) => firingOf(metadata).time));
    expect(await schedules.get("ticker/tick")).toMatchObject({ fired: BigInt(times.length), skipped: 0n });
  }
  const first = Date.parse(times[0] ?? "");
  expect(times.length).toBeGreaterThanOrEqual(6);
  expect(times).toEqual(times.map((_, n) => new Date(first + n * 1000).toISOString()));
});
