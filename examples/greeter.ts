// Shows the whole of an agent: it greets whoever creates a task, answers each event word by word, counts what it has
// answered, shows what it is thinking, and says goodbye. It is what `npm start` serves, and whose trial `npm start` prints.
import { setTimeout as sleep } from "node:timers/promises";
import { defineAgent } from "pigeonhole";

export default defineAgent({
  name: "greeter",
  description: "Greets, and talks about what it was told, one word at a time.",

  async onTaskCreate(ctx) {
    await ctx.messages.send(`Hello, ${ctx.task.params.who ?? "stranger"}. Tell me something, or say "bye".`);
  },

  async onTaskEventSend(ctx, event) {
    const count = (ctx.state.get("count") ?? 0) + 1;
    ctx.state.set("count", count);
    await ctx.messages.send(event.parts, { author: "user" });

    const reply = ctx.messages.stream();
    await reply.write({ reasoning: `Answer ${count}: they wrote ${event.text.length} characters.` });
    for await (const word of think(event.text, ctx.signal)) await reply.write(word);
    await reply.end();

    if (event.text.trim() === "bye") ctx.complete("said goodbye");
  },

  async onTaskCancel(ctx, reason) {
    await ctx.messages.send(`I stop here${reason && ` (${reason})`}.`);
  },
});

/** Stands in for a language model: gives an answer word by word, at the pace of one. */
async function* think(text: string, signal: AbortSignal) {
  const answer =
    text.trim() === "bye"
      ? "Goodbye. It was good to talk to you."
      : `You said: ${text}. Go on, I am listening.`;
  for (const word of answer.split(" ")) {
    await sleep(120, undefined, { signal });
    yield `${word} `;
  }
}
