import { setTimeout as pace } from "node:timers/promises";
import { type AgentEvent, defineAgent, type TurnContext } from "../../src/server/index.ts";
import { wordsFor } from "./scribe-answer.ts";

/**
 * Keeps count of what it did, so that a test can tell what was effective how often.
 *
 * The type of an event says how it is handled: `stumble` fails once half an answer is out, `stubborn` goes on after it was told to stop,
 * `finish` completes the task; any other is answered.
 */
export default defineAgent({
  name: "scribe",
  retry: { initialBackoff: 5, maxBackoff: 50 },
  cancelGrace: 30,

  async onTaskCreate(ctx) {
    countUp(ctx, "created");
    const greeting = ctx.messages.stream();
    for (const word of ["I ", "am ", "ready."]) {
      await greeting.write(word);
      await pace(1);
    }
  },

  async onTaskEventSend(ctx, event) {
    const seen = ctx.state.get<number[]>("seen") ?? [];
    ctx.state.set("seen", [...seen, event.sequence]);
    countUp(ctx, "count");
    await ctx.messages.send(event.parts, { author: "user" });
    await answer(ctx, event);
    if (event.type === "finish") ctx.complete(event.text);
  },

  async onTaskCancel(ctx, reason) {
    countUp(ctx, "cancelled");
    await ctx.messages.send(`Stopped: ${reason}`);
    await pace(2);
  },
});

async function answer(ctx: TurnContext, event: AgentEvent): Promise<void> {
  const words = wordsFor(event.text);
  const message = ctx.messages.stream();
  for (const [index, word] of words.entries()) {
    if (event.type === "stumble" && ctx.attempt === 1 && index > words.length / 2) {
      throw new Error(`stumbled over ${JSON.stringify(word)}`);
    }
    await message.write(word).catch((error: unknown) => {
      if (event.type !== "stubborn") throw error;
    });
    await pace(event.type === "stubborn" ? 4 : 1);
  }
}

function countUp(ctx: TurnContext, key: string): void {
  ctx.state.set(key, (ctx.state.get<number>(key) ?? 0) + 1);
}
