// Shows how one agent has another do a part of its work: a concierge gives each question to a librarian of its own, goes on
// listening, and passes the answer on when it comes. The child is made and the answer is sent with the commit of a turn, so that
// a crash neither loses a question nor asks it twice; a concierge that is cancelled takes its librarians with it.
// Run it with `npm start -- examples/two-agents.ts`, and send the agent `concierge` a question. With more than two agents, and
// a conversation between them: review.ts.
import { defineAgent } from "pigeonhole";

const concierge = defineAgent({
  name: "concierge",
  description: "Has questions answered by a librarian.",

  async onTaskEventSend(ctx, event) {
    if (event.type === "answer") {
      await ctx.messages.send(`The librarian says: ${event.text}`);
      return;
    }
    if (event.type === "pigeonhole.task.ended") {
      // One that has completed has answered before. One that has failed has not, and the user should hear of it.
      const { taskId = "", state } = (event.parts[0]?.data ?? {}) as { taskId?: string; state?: string };
      const question = ctx.state.get<string>(taskId);
      if (state !== "COMPLETED") await ctx.messages.send(`Nobody could answer "${question}".`);
      ctx.state.delete(taskId);
      return;
    }
    await ctx.messages.send(`I have somebody look that up: ${event.text}`);
    const child = await ctx.tasks.create({ agent: "librarian", event: event.text, ttl: 60_000 });
    ctx.state.set(child, event.text);
  },
});

/** The books of the library, by what they are about. */
const books: Record<string, string> = {
  pigeons: '"The Homing Instinct", shelf 4',
  mail: '"Postal Systems of the World", shelf 9',
};

const librarian = defineAgent({
  name: "librarian",
  description: "Answers one question of its parent.",

  async onTaskEventSend(ctx, event) {
    const subject = Object.keys(books).find((word) => event.text.toLowerCase().includes(word));
    if (subject === undefined) return ctx.fail("there is no such book");
    await ctx.tasks.send(ctx.task.parentTaskId, books[subject] ?? "", { type: "answer" });
    ctx.complete("answered");
  },
});

export default [concierge, librarian];
