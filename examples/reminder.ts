// Shows events for later: told "in 10 minutes: stretch", the agent sends itself an event that is delivered then, over restarts of
// the server, and is reminded by it. "forget" takes back what has not come yet. What is scheduled and taken back takes effect
// with the commit of the turn. Run it with `npm start -- examples/reminder.ts`. For what comes again and again, see nightly.ts.
import { defineAgent } from "pigeonhole";

const units = new Map([
  ["second", 1000],
  ["minute", 60_000],
  ["hour", 3_600_000],
  ["day", 86_400_000],
]);
/** The longest that anything can be put off: 3,660 days. */
const longest = 3660 * 86_400_000;
/** The most reminders that wait at once: what an agent remembers, and what one turn may take back, have their bounds. */
const most = 100;

export default defineAgent({
  name: "reminder",
  description: 'Reminds: "in 10 minutes: stretch". Forgets: "forget".',

  async onTaskEventSend(ctx, event) {
    const waiting = ctx.state.get<string[]>("waiting") ?? [];

    if (event.type === "reminder") {
      // It was delivered while "forget" took it back, or is somebody else's.
      if (!waiting.includes(event.id)) return;
      ctx.state.set(
        "waiting",
        waiting.filter((id) => id !== event.id),
      );
      await ctx.messages.send(`It is time: ${event.text}`);
      return;
    }
    if (event.text.trim() === "forget") {
      for (const id of waiting) ctx.unschedule(id);
      ctx.state.delete("waiting");
      await ctx.messages.send(`I have forgotten ${waiting.length}.`);
      return;
    }
    const [, count = "", unit = "", what = ""] = /^in (\d+) (\w+?)s?: (.+)$/s.exec(event.text) ?? [];
    const wait = Number(count) * (units.get(unit) ?? Number.NaN);
    if (Number.isNaN(wait)) {
      await ctx.messages.send('Say it like this: "in 10 minutes: stretch".');
      return;
    }
    if (wait > longest) {
      await ctx.messages.send("I cannot promise to be there then: ten years are the most.");
      return;
    }
    if (waiting.length >= most) {
      await ctx.messages.send(`I have ${most} things in mind, and no room for more.`);
      return;
    }
    const id = ctx.schedule({ in: wait }, what, { type: "reminder" });
    ctx.state.set("waiting", [...waiting, id]);
    await ctx.messages.send(`In ${count} ${unit}s, then.`);
  },
});
