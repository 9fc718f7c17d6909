import { setTimeout } from "node:timers/promises";
import { defineAgent } from "../../src/server/index.ts";
import { createScribe } from "./scribe.ts";

/** How long finished tasks are kept, so that an hour needs no more room than a minute. */
const retention = 300_000;

/** The agents of a soak: one that does all that agents do, and has a task made every second; and one that does nothing, to measure with. */
export default [
  createScribe(setTimeout, {
    retention,
    schedules: {
      tick: {
        cron: "* * * * * *",
        missed: "all",
        content: "tick",
        type: "finish",
        labels: { by: "schedule" },
      },
    },
  }),
  defineAgent({ name: "idler", retention, onTaskEventSend: () => {} }),
];
