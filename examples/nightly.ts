// Shows a schedule that an agent declares: every night at three, in Berlin, it is told to write the report of the day
// before. All reports go into one task, `reports`, so that whoever follows it sees each as it is written. If the server
// was down at three, the report is written when it is back; if it was down for a week, one report is written and not
// seven. A report that is still being written when the next is due is not disturbed: that night is left out.
// Run it with `npm start -- examples/nightly.ts`; whoever does not want to wait triggers the schedule `reporter/nightly`.
import { defineAgent } from "pigeonhole";

export default defineAgent({
  name: "reporter",
  description: "Writes a report every night.",

  schedules: {
    nightly: {
      cron: "0 3 * * *",
      timeZone: "Europe/Berlin",
      missed: "latest",
      overlap: "skip",
      task: "reports",
      content: "Write the report.",
    },
  },

  async onTaskEventSend(ctx, event) {
    // Who fired is in the metadata; what a client sends by itself has no such entry.
    const { time } = (event.metadata.schedule ?? {}) as { time?: string };
    const night = time === undefined ? event.createTime : new Date(time);
    const count = (ctx.state.get("count") ?? 0) + 1;
    ctx.state.set("count", count);
    await ctx.messages.send(`Report ${count}, for ${dayBefore(night)}: all is well.`);
  },
});

/** The day before that of a moment in Berlin, as in `2027-03-27`. Counted in dates, because a day there has 23, 24 or 25 hours. */
function dayBefore(moment: Date): string {
  const day = new Date(new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin" }).format(moment));
  day.setUTCDate(day.getUTCDate() - 1);
  return day.toISOString().slice(0, 10);
}
