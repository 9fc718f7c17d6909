import { defineAgent, type TurnContext } from "../../src/server/index.ts";

/** How long the turn of a sleeper that hears no signal is left alone, in ms. */
const cancelGrace = 20;

/**
 * Falls asleep over the first attempt of an event and answers at the second. It wakes up with an error when it is told to stop;
 * over an event of the type `deaf` it does not, and over one of the type `obedient` it returns as if it were done.
 */
export default defineAgent({
  name: "sleeper",
  cancelGrace,
  async onTaskEventSend(ctx, event) {
    const message = ctx.messages.stream();
    await message.write(`Attempt ${ctx.attempt} at ${event.text}. `);
    if (ctx.attempt === 1) {
      if (event.type === "obedient") return await untilStopped(ctx).catch(() => {});
      await (event.type === "deaf" ? new Promise(() => {}) : untilStopped(ctx));
    }
    await message.write("Done.");
  },
});

function untilStopped({ signal }: TurnContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
