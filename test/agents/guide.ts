import { defineAgent, FinalError, type TurnContext } from "../../src/server/index.ts";

/** Where the guide waits for the test while it streams, and what stands open. */
export interface GuideGates {
  /** Is called in the middle of an answer to `stream`; the answer goes on when it resolves. */
  middle(attempt: number): Promise<void>;
}

/** What the guide answers to `stream`, in two halves. */
export const halves = [
  "## Two halves\n\nThis is the **first** half. ",
  "And this is the _second_ half.",
] as const;

/** An agent that shows everything that the console can show, as its events say by their texts. */
export function createGuide(gates: GuideGates) {
  let cured = false;
  return defineAgent({
    name: "guide",
    description: "Shows everything that a conversation can hold.",
    retry: { initialBackoff: 1 },
    cancelGrace: 20,
    async onTaskCreate(ctx) {
      await ctx.messages.send("Hello. Say `stream`, `tools`, `files`, `ask`, `poison`, `child` or `bye`.");
    },
    async onTaskEventSend(ctx, event) {
      if (event.type !== "aside") await ctx.messages.send(event.parts, { author: "user" });
      ctx.state.set("turns", (ctx.state.get("turns") ?? 0) + 1);
      if (event.answers !== "") return;
      const lines = Number(/^say (\d+)$/.exec(event.text)?.[1] ?? 0);
      for (let line = 1; line <= lines; line++) await ctx.messages.send(`Line ${line}.`);
      switch (event.text) {
        case "stream":
          return await stream(ctx, gates);
        case "tools":
          return await callTools(ctx);
        case "files":
          return await showFiles(ctx);
        case "ask":
          ctx.requireInput({ prompt: "May I book the table?", schema: bookingSchema });
          return;
        case "ask for a list":
          ctx.requireInput({
            prompt: "Which tables?",
            schema: { type: "array", items: { type: "integer" } },
          });
          return;
        case "poison":
          if (!cured) {
            cured = true;
            throw new FinalError("the kitchen is closed");
          }
          await ctx.messages.send("The kitchen is open again.");
          return;
        case "child":
          await ctx.tasks.create({
            agent: "guide",
            name: `child of ${ctx.task.id}`,
            labels: { kind: "child" },
          });
          return;
        case "bye":
          ctx.complete("said goodbye");
      }
    },
    async onTaskCancel(ctx, reason) {
      await ctx.messages.send(`I stop here: ${reason}`);
    },
  });
}

const bookingSchema = {
  type: "object",
  properties: {
    approved: { type: "boolean", title: "Approved" },
    guests: { type: "integer", title: "Guests", minimum: 1, maximum: 12 },
    room: { enum: ["garden", "hall"], title: "Room" },
    note: {
      type: "string",
      title: "Note",
      description: "What the kitchen should know.",
      maxLength: 200,
      pattern: "^[^!]*$",
    },
  },
  required: ["approved", "guests"],
  additionalProperties: false,
};

async function stream(ctx: TurnContext, gates: GuideGates): Promise<void> {
  const reply = ctx.messages.stream();
  await reply.write(halves[0]);
  await gates.middle(ctx.attempt);
  await reply.write(halves[1]);
}

async function callTools(ctx: TurnContext): Promise<void> {
  const reply = ctx.messages.stream();
  await reply.write({ reasoning: "They want a table for four, so I look for **free** ones first." });
  await reply.write({
    toolRequest: { id: "1", name: "find_tables", arguments: { guests: 4, day: "Friday" } },
  });
  await reply.write({ toolResponse: { id: "1", name: "find_tables", result: { free: ["garden", "hall"] } } });
  await reply.write({ toolRequest: { id: "2", name: "weather", arguments: { day: "Friday" } } });
  await reply.write({ toolResponse: { id: "2", name: "weather", isError: true, result: "no forecast" } });
  await reply.write(tableText);
}

async function showFiles(ctx: TurnContext): Promise<void> {
  await ctx.messages.send([
    { text: codeText },
    { data: { guests: 4, room: "garden" } },
    { file: { name: "dot.png", mediaType: "image/png", bytes: dot } },
  ]);
}

const tableText = `Two rooms are free on **Friday**:

| Room | Seats | Outside |
| --- | --- | --- |
| Garden | 24 | yes |
| Hall | 60 | no |
`;

const codeText = `\`\`\`ts
await book({ room: "garden", guests: 4 });
\`\`\`

See [the menu](https://example.com/menu), <script>alert("not run")</script>
`;

/** A picture of one dark pixel. */
const dot =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
