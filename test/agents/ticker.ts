import { defineAgent } from "../../src/server/index.ts";

/** Has a schedule of every second, which makes up for all that was missed, into the one task `ticks`. */
export default defineAgent({
  name: "ticker",
  onTaskEventSend: () => {},
  schedules: { tick: { cron: "* * * * * *", missed: "all", task: "ticks" } },
});
