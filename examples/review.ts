// Shows agents that work together: an editor has a writer write, and a reviewer read it, until the reviewer is content. All that
// one sends to another goes with the commit of its turn, so that a crash anywhere loses nothing and repeats nothing.
// Run it with `npm start -- examples/review.ts`, and send the agent `editor` a topic.
import { type AgentEvent, defineAgent, type TurnContext } from "pigeonhole";

const editor = defineAgent({
  name: "editor",
  description: "Gets a text about what it is told, written by one agent and reviewed by another.",

  async onTaskEventSend(ctx, event) {
    if (event.type === "draft") return await hand(ctx, "reviewer", event);
    if (event.type === "comment") return await hand(ctx, "writer", event);
    if (event.type === "approval") {
      await ctx.messages.send(event.text);
      return await finish(ctx);
    }
    if (event.type === "pigeonhole.task.ended") return ctx.fail("one of us has left");
    if (ctx.state.get<string>("writer") !== undefined) {
      await ctx.messages.send("I am at a text already. Another one is another task.");
      return;
    }
    const params = { topic: event.text };
    ctx.state.set("reviewer", await ctx.tasks.create({ agent: "reviewer", params }));
    ctx.state.set("writer", await ctx.tasks.create({ agent: "writer", params, event: "Write it." }));
  },
});

const writer = defineAgent({
  name: "writer",
  description: "Writes drafts for its parent.",

  async onTaskEventSend(ctx, event) {
    const draft = ctx.state.get<string>("draft") ?? `${ctx.task.params.topic} matters.`;
    const better = event.type === "comment" ? `${draft} For example, it came up today.` : draft;
    ctx.state.set("draft", better);
    await ctx.tasks.send(ctx.task.parentTaskId, better, { type: "draft" });
  },
});

const reviewer = defineAgent({
  name: "reviewer",
  description: "Reads drafts for its parent.",

  async onTaskEventSend(ctx, event) {
    const good = event.text.includes("For example");
    const answer = good ? event.text : "It needs an example.";
    await ctx.tasks.send(ctx.task.parentTaskId, answer, { type: good ? "approval" : "comment" });
  },
});

export default [editor, writer, reviewer];

/** Passes an event on to one of the editor's two, and shows it. */
async function hand(ctx: TurnContext, to: "writer" | "reviewer", event: AgentEvent) {
  await ctx.messages.send(`For the ${to}: ${event.text}`);
  await ctx.tasks.send(ctx.state.get<string>(to) ?? "", event.text, { type: event.type });
}

async function finish(ctx: TurnContext) {
  for (const name of ["writer", "reviewer"])
    await ctx.tasks.cancel(ctx.state.get<string>(name) ?? "", "the text is approved");
  ctx.complete("approved");
}
