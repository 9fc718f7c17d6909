// Shows steering: what a user adds while an answer is being written goes into that answer, and no further one follows. An event
// that comes too late for it is handled next, like any other.
// Run it with `npm start -- examples/steering.ts`, and send the agent `guide` a city, and another one at once.
import { setTimeout as sleep } from "node:timers/promises";
import { defineAgent } from "pigeonhole";

export default defineAgent({
  name: "guide",
  description: "Tells about a place, and turns to another one when it is asked to.",
  onBusy: "steer",

  async onTaskEventSend(ctx, event) {
    await ctx.messages.send(event.parts, { author: "user" });
    const reply = ctx.messages.stream();
    let place = event.text;
    for (const what of ["streets", "markets", "parks", "rivers", "nights"]) {
      // Asked between the words of a model's answer, too, this costs nothing as long as nothing has come.
      for (const turn of await ctx.mailbox.take({ max: 10, steering: true })) {
        await ctx.messages.send(turn.parts, { author: "user" });
        place = turn.text;
        await reply.write(`Oh, ${place}! `);
      }
      await reply.write(`The ${what} of ${place}. `);
      await sleep(150, undefined, { signal: ctx.signal });
    }
  },
});
