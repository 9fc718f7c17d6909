// Shows a message that grows: reasoning first, then text word by word, then data, all parts of one message that subscribers see
// while it is written. It also shows what becomes of an answer that breaks off: told to "stumble", the first attempt fails in
// the middle, what it has shown is superseded, and the second one gives the whole answer. Whoever follows the task ends with one
// clean message. Run it with `npm start -- examples/streaming.ts`, and send the agent `storyteller` a subject.
import { setTimeout as sleep } from "node:timers/promises";
import { defineAgent } from "pigeonhole";

export default defineAgent({
  name: "storyteller",
  description: "Tells a short story about a subject, word by word.",
  retry: { initialBackoff: 100 },

  async onTaskEventSend(ctx, event) {
    const story = `Once there was ${event.text}. It waited in its pigeonhole, and nobody lost it.`;
    const reply = ctx.messages.stream();
    await reply.write({ reasoning: "It should be short, and " });
    await reply.write({ reasoning: "it should end well." });

    const words = story.split(" ");
    for (const [index, word] of words.entries()) {
      if (event.text === "stumble" && ctx.attempt === 1 && index === 5) throw new Error("lost the thread");
      // Text goes on with the last part, if that is text. The wait ends at once when the task is cancelled.
      await reply.write(index === 0 ? word : ` ${word}`);
      await sleep(20, undefined, { signal: ctx.signal });
    }
    await reply.write({ data: { words: words.length } });
    await reply.end();
  },
});
