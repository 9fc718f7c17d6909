// Shows the least that an agent is: a name, and what it does with an event. The mailbox, the log, retries and streaming
// need no more than this. Run it with `npm start -- examples/hello.ts`, and send the agent `hello` your name.
import { defineAgent } from "pigeonhole";

export default defineAgent({
  name: "hello",
  description: "Says hello to whoever says their name.",

  async onTaskEventSend(ctx, event) {
    await ctx.messages.send(`Hello, ${event.text}!`);
  },
});
