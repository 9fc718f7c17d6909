// Shows tools as parts of a message: each call is a `toolRequest`, each result a `toolResponse` with the same id, so that whoever
// follows the task sees what the agent does while it does it. A tool that fails is a response with `isError`, and no error of
// the turn. Run it with `npm start -- examples/tools.ts`, and send the agent `calculator` something like "17 * 4 - 8 / 2";
// it works from left to right.
import { defineAgent, type MessageStream } from "pigeonhole";

/** What the agent can do, by name. A language model would choose among them: see language-model.ts. */
const tools: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide(a, b) {
    if (b === 0) throw new RangeError("division by zero");
    return a / b;
  },
};

const names = new Map([
  ["+", "add"],
  ["-", "subtract"],
  ["*", "multiply"],
  ["/", "divide"],
]);

const usage = "Write numbers and + - * / with spaces between them.";

export default defineAgent({
  name: "calculator",
  description: "Calculates from left to right, one tool call for each operation.",

  async onTaskEventSend(ctx, event) {
    const [first = "", ...rest] = event.text.trim().split(/\s+/);
    const reply = ctx.messages.stream();
    let total = numberIn(first);
    for (let step = 0; 2 * step < rest.length; step++) {
      const name = names.get(rest[2 * step] ?? "");
      const operand = numberIn(rest[2 * step + 1]);
      // What the user got wrong is an answer. An error would be tried again, to the same result.
      if (name === undefined || Number.isNaN(total + operand)) return await reply.write(usage);
      // Ids only have to differ within the message.
      const result = await call(reply, `call-${step + 1}`, name, { a: total, b: operand });
      if (result === undefined) return await reply.write("That cannot be calculated.");
      total = result;
    }
    await reply.write(Number.isNaN(total) ? usage : `${event.text} makes ${total}.`);
  },
});

/** Reads a number. What is none, or is larger than JSON has any, is NaN. */
function numberIn(word = ""): number {
  const number = Number(word || Number.NaN);
  return Number.isFinite(number) ? number : Number.NaN;
}

/** Calls a tool and shows it. Resolves with undefined if the tool has failed. */
async function call(reply: MessageStream, id: string, name: string, input: { a: number; b: number }) {
  await reply.write({ toolRequest: { id, name, arguments: input } });
  try {
    const result = tools[name]?.(input.a, input.b);
    await reply.write({ toolResponse: { id, name, result: result ?? null } });
    return result;
  } catch (error) {
    await reply.write({ toolResponse: { id, name, result: String(error), isError: true } });
    return undefined;
  }
}
