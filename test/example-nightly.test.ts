import { expect, it } from "vitest";
import nightly from "../examples/nightly.ts";
import { createClient } from "../src/client/index.ts";
import { EventWait, MessageState } from "../src/proto.ts";
import { serve } from "../src/server/index.ts";
import { collect, startRig } from "./agents/rig.ts";
import { createManualClock } from "./manual-clock.ts";

const hour = 3_600_000;

it("the nightly example writes a report each night, also the one after the clocks change", async () => {
  // On 2027-03-28 Berlin goes from two to three: its three o'clock comes an hour earlier.
  const clock = createManualClock("2027-03-27T01:30:00Z");
  const server = await serve({ agents: [nightly], store: "memory:", port: 0, clock });
  try {
    const { tasks, schedules } = createClient({ baseUrl: server.url });
    expect(await schedules.get("reporter/nightly")).toMatchObject({ declared: true, fired: 0n });
    const { task } = await tasks.create({ agent: "reporter", name: "reports" });
    const log = tasks.subscribe(task.id);
    const written = async () => {
      for await (const { entry } of { [Symbol.asyncIterator]: () => ({ next: () => log.next() }) }) {
        if (entry.case === "message" && entry.value.state === MessageState.DONE) return;
      }
    };
    clock.advance(hour);
    await written();
    clock.advance(23 * hour);
    await written();
    await log.return();
    const texts = (await collect(tasks.messages(task.id))).map(({ parts }) => parts[0]?.content.value);
    expect(texts).toEqual([
      "Report 1, for 2027-03-26: all is well.",
      "Report 2, for 2027-03-27: all is well.",
    ]);
  } finally {
    await server.close();
  }
});

it("the nightly example names the day before also when that was a short one", async () => {
  // A quarter of an hour after a Sunday of 23 hours.
  const clock = createManualClock("2027-03-28T22:15:00Z");
  await using rig = await startRig({}, { agents: [nightly], clock });
  const { task } = await rig.tasks.create({ agent: "reporter" });
  await rig.tasks.send(task.id, "now", { wait: EventWait.PROCESSED });
  expect(await rig.texts(task.id)).toEqual(["Report 1, for 2027-03-28: all is well."]);
});
