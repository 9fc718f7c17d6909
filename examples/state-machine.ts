// Shows a state machine: an order that goes from one state to the next by what happens to it. The table says which events are
// allowed where; everything else is answered and changes nothing. Because events are handled one at a time and in order, and the
// state commits with the turn, two events that come at once cannot both find the order unpaid.
// Run it with `npm start -- examples/state-machine.ts`, and send the agent `order` events with the type `pay`, `ship`, `deliver`,
// `refund` or `abandon`.
import { defineAgent } from "pigeonhole";

type State = keyof typeof transitions;

/** Where each event leads, by the state in which it comes. A state that no event leads out of is the end. */
const transitions = {
  placed: { pay: "paid", abandon: "abandoned" },
  paid: { ship: "shipped", refund: "refunded" },
  shipped: { deliver: "delivered" },
  delivered: {},
  refunded: {},
  abandoned: {},
} as const;

export default defineAgent({
  name: "order",
  description: "Follows an order: pay, ship, deliver; or refund, or abandon.",

  async onTaskCreate(ctx) {
    ctx.state.set("state", "placed");
    await ctx.messages.send({ data: { state: "placed" } });
  },

  async onTaskEventSend(ctx, event) {
    const from = ctx.state.get<State>("state") ?? "placed";
    const allowed = new Map<string, State>(Object.entries(transitions[from]));
    const to = allowed.get(event.type);
    if (to === undefined) {
      const choices = [...allowed.keys()].join(" or ");
      await ctx.messages.send(`An order that is ${from} takes ${choices}, not "${event.type}".`);
      return;
    }
    ctx.state.set("state", to);
    await ctx.messages.send({ data: { state: to, from } });
    if (Object.keys(transitions[to]).length === 0) ctx.complete(to);
  },
});
