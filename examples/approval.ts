// Shows how an agent asks a person: a large expense waits for somebody to approve it, for a week at most. The task is
// INPUT_REQUIRED meanwhile, over restarts, and shows the question; an answer that does not fit its schema is refused.
// Run it with `npm start -- examples/approval.ts`, and send the agent `expenses` the data { "what": "a trip", "amount": 900 }.
import { type AgentEvent, defineAgent, type TurnContext } from "pigeonhole";

const week = 7 * 24 * 60 * 60 * 1000;

export default defineAgent({
  name: "expenses",
  description: "Pays expenses: send { data: { what, amount } }. Asks a person about those above 100.",

  async onTaskEventSend(ctx, event) {
    if (event.answers !== "") return await decide(ctx, event);
    if (event.type === "pigeonhole.question.expired") {
      await ctx.messages.send("Nobody has answered for a week: it is not paid.");
      return ctx.complete("not approved in time");
    }
    const expense = expenseOf(event);
    if (expense === undefined) {
      // What the user got wrong is an answer. An error would be tried again, to the same result.
      await ctx.messages.send('Send it as data: { "what": "a trip", "amount": 900 }.');
      return;
    }
    const { what, amount } = expense;
    if (amount <= 100) return await pay(ctx, what, amount);
    ctx.state.set("expense", { what, amount });
    await ctx.messages.send(`${what} costs ${amount}. I ask for approval.`);
    ctx.requireInput({
      prompt: `May I pay ${amount} for ${what}?`,
      schema: {
        type: "object",
        properties: { approved: { type: "boolean" }, note: { type: "string", maxLength: 200 } },
        required: ["approved"],
        additionalProperties: false,
      },
      deadline: { in: week },
    });
  },
});

/** Does what the person who answered wants. The schema has seen to it that the answer says so. */
async function decide(ctx: TurnContext, event: AgentEvent) {
  const { approved, note } = recordOf(event);
  const { what, amount } = ctx.state.get<{ what: string; amount: number }>("expense") ?? {
    what: "",
    amount: 0,
  };
  if (approved === true) return await pay(ctx, what, amount);
  await ctx.messages.send(`${what} is not paid. ${note ?? ""}`.trim());
  ctx.complete("not approved");
}

async function pay(ctx: TurnContext, what: string, amount: number) {
  await ctx.messages.send(`Paid ${amount} for ${what}.`);
  ctx.complete("paid");
}

/** What is to be paid, or undefined if the event does not say so. */
function expenseOf(event: AgentEvent): { what: string; amount: number } | undefined {
  const { what, amount } = recordOf(event);
  if (typeof what !== "string" || what.length > 200) return undefined;
  if (typeof amount !== "number" || amount <= 0) return undefined;
  return { what, amount };
}

/** What the event's data says, by name. */
function recordOf(event: AgentEvent): Record<string, unknown> {
  const data = event.parts.find((part) => part.data !== undefined)?.data;
  return typeof data === "object" && data !== null ? { ...data } : {};
}
