import { createServer, type ServerResponse } from "node:http";
import { toJson } from "@bufbuild/protobuf";
import { afterAll, expect, it, vi } from "vitest";
import { EventState, MessageSchema } from "../src/proto.ts";
import { collect, failureOf, failuresIn, isEvent, startRig } from "./agents/rig.ts";

/** What the model was asked. */
const asked: { model: string; stream: boolean; input: Record<string, unknown>[] }[] = [];
/** What it answers, one list of events a call; a number is a status; "nothing" never ends. */
const script: (object[] | number | "nothing")[] = [];
/** Resolve when a call that is answered with nothing has come, and when its caller gives it up. */
const asleep = Promise.withResolvers<void>();
const givenUp = Promise.withResolvers<void>();

// Speaks the protocol of OpenAI's responses, so that all of the provider is in the test and only the model is not.
const provider = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  asked.push(JSON.parse(body));
  const next = script.shift() ?? 500;
  if (next !== "nothing") return answer(response, next);
  response.once("close", () => givenUp.resolve());
  response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  asleep.resolve();
});
await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
afterAll(() => provider.close());
const address = provider.address();
vi.stubEnv("OPENAI_BASE_URL", `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/v1`);
vi.stubEnv("OPENAI_API_KEY", "none");
vi.stubEnv("OPENAI_MODEL", undefined);
const { default: assistant } = await import("../examples/language-model.ts");

it("the language-model example talks to a provider: reasoning, a tool call, and text", async () => {
  script.push(
    [
      added(0, { type: "reasoning", id: "rs_1" }),
      { type: "response.reasoning_summary_part.added", item_id: "rs_1", summary_index: 0 },
      {
        type: "response.reasoning_summary_text.delta",
        item_id: "rs_1",
        summary_index: 0,
        delta: "I look it up.",
      },
      done(0, { type: "reasoning", id: "rs_1" }),
      added(1, { type: "function_call", id: "fc_1", call_id: "c1", name: "weather", arguments: "" }),
      done(1, {
        type: "function_call",
        id: "fc_1",
        call_id: "c1",
        name: "weather",
        arguments: '{"city":"Rome"}',
        status: "completed",
      }),
    ],
    message("It is ", "clear."),
  );
  await using rig = await startRig({}, { agents: [assistant] });
  const { task } = await rig.tasks.create({ agent: "assistant", event: "The weather in Rome?" });
  await rig.until(task.id, isEvent(EventState.PROCESSED));
  const messages = await collect(rig.tasks.messages(task.id));
  expect(messages.map((message) => toJson(MessageSchema, message).parts)).toEqual([
    [{ text: "The weather in Rome?" }],
    [
      { reasoning: "I look it up." },
      { toolRequest: { id: "c1", name: "weather", arguments: { city: "Rome" } } },
      { toolResponse: { id: "c1", name: "weather", result: { city: "Rome", celsius: 12, sky: "clear" } } },
      { text: "It is clear." },
    ],
  ]);
  expect(asked.map(({ stream }) => stream)).toEqual([true, true]);
  expect(asked[1]?.input.at(-1)).toMatchObject({ type: "function_call_output", call_id: "c1" });
});

it("the language-model example leaves it to the mailbox to try again what may pass, and nothing else", async () => {
  script.push(503, message("Here I am."), 401);
  await using rig = await startRig({}, { agents: [assistant] });
  const { task } = await rig.tasks.create({ agent: "assistant", event: "Hello?" });
  const log = await rig.until(task.id, isEvent(EventState.PROCESSED));
  expect(failuresIn(log)).toHaveLength(1);
  expect(await rig.texts(task.id)).toEqual(["Hello?", "Here I am."]);
  const { event } = await rig.tasks.send(task.id, "And now?");
  await rig.until(task.id, isEvent(EventState.DEAD_LETTERED, event.sequence));
  const [dead] = await collect(rig.tasks.events(task.id, { states: [EventState.DEAD_LETTERED] }));
  expect([dead?.attempt, failureOf(dead?.lastError)]).toEqual([
    1,
    expect.stringContaining("AI_APICallError"),
  ]);
});

it("the language-model example ends its call of the provider when it is interrupted, and goes on after that", async () => {
  script.push("nothing", message("Here again."));
  await using rig = await startRig({}, { agents: [assistant] });
  const { task } = await rig.tasks.create({ agent: "assistant", event: "Are you there?" });
  await asleep.promise;
  await rig.tasks.interrupt(task.id);
  await givenUp.promise;
  await rig.tasks.send(task.id, "And now?");
  await rig.until(task.id, isEvent(EventState.PROCESSED));
  expect(await rig.texts(task.id)).toEqual(["And now?", "Here again."]);
});

function added(output_index: number, item: object) {
  return { type: "response.output_item.added", output_index, item };
}

function done(output_index: number, item: object) {
  return { type: "response.output_item.done", output_index, item };
}

/** A message that comes in pieces. */
function message(...deltas: string[]): object[] {
  const item = { type: "message", id: "msg_1" };
  const pieces = deltas.map((delta) => ({ type: "response.output_text.delta", item_id: "msg_1", delta }));
  return [added(0, item), ...pieces, done(0, item)];
}

/** Answers as a stream of server-sent events, or with a status. */
function answer(response: ServerResponse, events: object[] | number): void {
  if (typeof events === "number") {
    response.writeHead(events, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "no", type: "none" } }));
    return;
  }
  const head = { id: "resp_1", created_at: 0, model: "scripted" };
  const all = [
    { type: "response.created", response: head },
    ...events,
    { type: "response.completed", response: { ...head, usage: { input_tokens: 1, output_tokens: 1 } } },
  ];
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(all.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
}
