// Shows an agent that talks to a language model, through the AI SDK (https://ai-sdk.dev): the text and the reasoning appear as the model
// writes them, tool calls and their results as parts between them. An interrupt or a cancel aborts the call of the model; what the
// user adds meanwhile goes into the next step of the same answer. The conversation is in the task's state, so that an attempt that
// failed half-way leaves nothing of itself behind.
//
// Run it with `npm i ai @ai-sdk/openai` (a clone has them) and `npm start -- examples/language-model.ts`, and ask the agent
// `assistant` for the weather in Berlin. Without OPENAI_API_KEY a script plays the model, so that it runs offline; with one, it is
// OpenAI's OPENAI_MODEL. Any other provider of the AI SDK is one line.
import { openai } from "@ai-sdk/openai";
import {
  APICallError,
  jsonSchema,
  type LanguageModel,
  type ModelMessage,
  simulateReadableStream,
  streamText,
  tool,
} from "ai";
import { defineAgent, type MessageStream, type TurnContext } from "pigeonhole";

const model = process.env.OPENAI_API_KEY ? openai(process.env.OPENAI_MODEL ?? "gpt-6-luna") : scriptedModel();

const tools = {
  weather: tool({
    description: "Tells the weather in a city.",
    inputSchema: jsonSchema<{ city: string }>({
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    }),
    // A real one would fetch it, with the `abortSignal` that it is given beside its input.
    async execute({ city }) {
      if (city === "Atlantis") throw new Error("there is no such city");
      return { city, celsius: 8 + (city.length % 20), sky: "clear" };
    },
  }),
};

export default defineAgent({
  name: "assistant",
  description: "Talks, and knows the weather.",
  onBusy: "steer",
  turnTimeout: 300_000,
  // The mailbox tries again, over restarts too, unless the provider says that it is no use.
  retry: { isFinal: (error) => APICallError.isInstance(error) && !error.isRetryable },

  async onTaskEventSend(ctx, event) {
    await ctx.messages.send(event.parts, { author: "user" });
    const past = recall(ctx);
    const messages: ModelMessage[] = [{ role: "user", content: event.text }];
    const reply = ctx.messages.stream();

    for (let steps = 8; steps > 0; steps--) {
      const added = await callModel(ctx, reply, [...past.flat(), ...messages]);
      messages.push(...added);
      // What comes in the last step has a turn of its own: here nothing would answer it.
      const steering = steps > 1 ? await ctx.mailbox.take({ max: 10, steering: true }) : [];
      for (const { text, parts } of steering) {
        await ctx.messages.send(parts, { author: "user" });
        messages.push({ role: "user", content: text });
      }
      // The model goes on with what its tools have answered, and with what the user has added.
      if (added.at(-1)?.role !== "tool" && steering.length === 0) break;
    }
    remember(ctx, [...past, messages]);
  },
});

/** Calls the model once, with its tools, and shows what it says. Resolves with what that adds to the conversation. */
async function callModel(ctx: TurnContext, reply: MessageStream, messages: ModelMessage[]) {
  const result = streamText({
    model,
    tools,
    messages,
    instructions: "You are a helpful assistant. Be brief.",
    abortSignal: ctx.signal,
    maxRetries: 0,
    providerOptions: { openai: { reasoningSummary: "auto" } },
    onError() {}, // Errors come in the stream, too.
  });
  for await (const part of result.stream) {
    if (part.type === "text-delta") await reply.write(part.text);
    if (part.type === "reasoning-delta") await reply.write({ reasoning: part.text });
    if (part.type === "tool-call") {
      const { toolCallId: id, toolName: name, input } = part;
      await reply.write({ toolRequest: { id, name, arguments: recordOf(input) } });
    }
    if (part.type === "tool-result") {
      const { toolCallId: id, toolName: name, output } = part;
      await reply.write({ toolResponse: { id, name, result: recordOf(output) } });
    }
    if (part.type === "tool-error") {
      const { toolCallId: id, toolName: name, error } = part;
      await reply.write({ toolResponse: { id, name, result: String(error), isError: true } });
    }
    if (part.type === "error") throw part.error;
  }
  ctx.signal.throwIfAborted();
  return await result.responseMessages;
}

/** What a tool takes or gives, as a part can hold it. */
function recordOf(value: unknown) {
  return typeof value === "object" && value !== null ? { ...value } : { value: String(value) };
}

/** The turns of the conversation so far, each from what the user said to the end of the answer. */
function recall(ctx: TurnContext): ModelMessage[][] {
  return JSON.parse(ctx.state.get<string>("turns") ?? "[]");
}

/**
 * Remembers the latest turns, as many as fit well into a value of the state, or none if the last is too long by itself. Whole ones: a
 * tool's result needs its call.
 */
function remember(ctx: TurnContext, turns: ModelMessage[][]): void {
  let kept = turns;
  while (kept.length > 0 && JSON.stringify(kept).length > 100_000) kept = kept.slice(1);
  ctx.state.set("turns", JSON.stringify(kept));
}

/** Plays a model: asked for the weather in a city it calls the tool, and otherwise says how often it was spoken to. */
function scriptedModel() {
  return {
    specificationVersion: "v4",
    provider: "script",
    modelId: "script",
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error("The script only streams.")),
    doStream: async ({ prompt }) => ({
      stream: simulateReadableStream({ chunks: [...play(prompt)], chunkDelayInMs: 30 }),
    }),
  } satisfies LanguageModel;
}

type ScriptedModel = Extract<LanguageModel, { specificationVersion: "v4" }>;
type Prompt = Parameters<ScriptedModel["doStream"]>[0]["prompt"];
type StreamPart =
  Awaited<ReturnType<ScriptedModel["doStream"]>>["stream"] extends ReadableStream<infer Part> ? Part : never;

/** What the script says next. */
function* play(prompt: Prompt): Generator<StreamPart> {
  const last = prompt.at(-1);
  const city = last?.role === "user" && /weather in (\w+)/i.exec(textOf(last.content))?.[1];
  yield { type: "stream-start", warnings: [] };
  if (city) {
    yield* words("reasoning", `They want to know about ${city}, so I look.`);
    yield {
      type: "tool-call",
      toolCallId: `call-${prompt.length}`,
      toolName: "weather",
      input: JSON.stringify({ city }),
    };
  } else if (last?.role === "tool") {
    const [result] = last.content;
    const output = result?.type === "tool-result" && result.output;
    yield* words(
      "text",
      output && output.type === "json"
        ? `It is as follows: ${JSON.stringify(output.value)}.`
        : "I could not find out.",
    );
  } else {
    const count = prompt.filter(({ role }) => role === "user").length;
    yield* words(
      "text",
      `You have spoken to me ${count} times, and I am only a script. Ask me for the weather in Berlin.`,
    );
  }
  yield { type: "finish", usage, finishReason: { unified: city ? "tool-calls" : "stop", raw: undefined } };
}

function* words(type: "text" | "reasoning", text: string): Generator<StreamPart> {
  yield { type: `${type}-start`, id: type };
  for (const delta of text.match(/\S+\s*/g) ?? []) yield { type: `${type}-delta`, id: type, delta };
  yield { type: `${type}-end`, id: type };
}

function textOf(content: readonly { type: string; text?: string }[]): string {
  return content.map(({ text }) => text ?? "").join("");
}

const usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};
