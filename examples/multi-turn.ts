// Shows a conversation of several turns with a memory: a shopping list that grows with what it is told. What a turn changes in
// `ctx.state` counts if and only if the turn commits, so that a turn that is tried again adds nothing twice, and a server that
// is restarted between two sentences still knows the list. Run it with `npm start -- examples/multi-turn.ts`, and send the
// agent `shopping-list` lines such as "add milk", "remove milk", "list", and "done".
import { defineAgent } from "pigeonhole";

/** The longest that a list may get, in characters: what an agent remembers has its bounds. */
const longest = 10_000;

export default defineAgent({
  name: "shopping-list",
  description: "Keeps a shopping list: add ..., remove ..., list, done.",

  async onTaskCreate(ctx) {
    // Whoever makes the task says what they like, and this becomes a part of the reason for its end, which is short.
    const { who } = ctx.task.params;
    ctx.state.set("owner", typeof who === "string" ? who.slice(0, 100).toWellFormed() : "you");
    await ctx.messages.send('What do you need? "add milk" puts milk on the list.');
  },

  async onTaskEventSend(ctx, event) {
    // An event is not shown by itself: the agent decides that what the user said belongs to the conversation.
    await ctx.messages.send(event.parts, { author: "user" });
    const items = ctx.state.get<string[]>("items") ?? [];
    const [verb = "", ...rest] = event.text.trim().split(/\s+/);
    const item = rest.join(" ");

    if (verb === "add" && [...items, item].join(", ").length > longest) {
      await ctx.messages.send("The list has no room for that.");
    } else if (verb === "add" && item !== "") {
      ctx.state.set("items", items.includes(item) ? items : [...items, item]);
      await ctx.messages.send(items.includes(item) ? `${item} is on the list already.` : `Added ${item}.`);
    } else if (verb === "remove" && items.includes(item)) {
      ctx.state.set(
        "items",
        items.filter((other) => other !== item),
      );
      await ctx.messages.send(`Removed ${item}.`);
    } else if (verb === "list" || verb === "done") {
      await ctx.messages.send(items.length === 0 ? "The list is empty." : items.join(", "));
      if (verb === "done") ctx.complete(`${items.length} things for ${ctx.state.get<string>("owner")}`);
    } else {
      // What the user got wrong is a message. An error would be tried again, to the same result.
      await ctx.messages.send(`I do not understand "${event.text}".`);
    }
  },
});
