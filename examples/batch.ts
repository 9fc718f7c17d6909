// Shows batching: alerts pile up in the mailbox, and the agent handles them together, as one digest, once 20 have come or the
// oldest has waited for half a second. One turn settles them all; if it fails, they all wait again.
// Run it with `npm start -- examples/batch.ts`, and send the agent `digest` many events with the name of an alert.
import { defineAgent } from "pigeonhole";

export default defineAgent({
  name: "digest",
  description: "Gathers alerts, and tells of many at once.",
  mailbox: { batch: { max: 20, wait: 500 } },

  async onTaskEventBatch(ctx, events) {
    const counts = new Map<string, number>();
    for (const { text } of events) counts.set(text, (counts.get(text) ?? 0) + 1);
    const lines = [...counts].map(([alert, count]) => `${count} x ${alert}`);
    await ctx.messages.send(`${events.length} alerts: ${lines.join(", ")}`);
    ctx.state.set("told", (ctx.state.get("told") ?? 0) + events.length);
  },
});
