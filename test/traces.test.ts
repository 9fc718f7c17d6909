import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { expect, it } from "vitest";
import { EventState, WebhookKind } from "../src/proto.ts";
import { type AgentDefinition, defineAgent, type ServeOptions, serve } from "../src/server/index.ts";
import { headersOf, spanContextOf } from "../src/server/telemetry/trace-context.ts";
import { createGate, isEvent, startRig } from "./agents/rig.ts";
import { tempDir } from "./temp-dir.ts";
import { beginTrace, clientWithin, pathsOf, recordSpans, tracer } from "./traces-rig.ts";
import { startReceiver } from "./webhooks-receiver.ts";

const recording = recordSpans();
const quiet = { info: () => {}, warn: () => {}, error: () => {} };
const rpc = "pigeonhole.v1.TaskService";

it("is one trace from the client through accept and turn to the child's turn, though the server restarts between", async () => {
  const store = `sqlite:${tempDir()}/traces.db`;
  const held = createGate();
  await using receiver = await startReceiver();
  const { span, traceId } = beginTrace();

  // The first server accepts the event behind another one, whose turn it does not get done.
  const first = await serveFamily({ store, drain: 0 }, (ctx) => held.pass(ctx));
  const before = clientWithin(beginTrace().span.spanContext(), first.url);
  const { task } = await before.tasks.create({ agent: "parent", event: "hold" });
  await held.reached;
  await clientWithin(span.spanContext(), first.url).tasks.send(task.id, "go");
  held.open();
  await first.close();
  const accepted = `client > ${rpc}/SendEvent`;
  span.end();
  expect(pathsOf(recording.of(traceId))).toEqual(["client", accepted]);

  const second = await serveFamily({ store }, () => {});
  const client = clientWithin(beginTrace().span.spanContext(), second.url);
  await client.webhooks.create({ taskId: task.id, url: receiver.url, kinds: [WebhookKind.MESSAGE] });
  for await (const _ of client.tasks.subscribe(task.id));
  const [posted] = await receiver.count(1);
  await second.close();

  const turn = `${accepted} > process parent`;
  const child = `${turn} > think > send child`;
  expect(pathsOf(recording.of(traceId))).toEqual(
    [
      "client",
      accepted,
      turn,
      // What it posts is about the event, and so beside the turn.
      `${accepted} > POST webhook`,
      `${turn} > think`,
      child,
      `${child} > process child`,
      // The child was made within the handler's span, and its end is an event of the parent's.
      `${turn} > think > process child`,
      `${turn} > think > process parent`,
    ].sort(),
  );
  expect(posted?.headers.traceparent).toContain(`00-${traceId}-`);
  const kinds = recording.of(traceId).map(({ name, kind }) => `${name} ${SpanKind[kind]}`);
  expect(kinds).toEqual(
    expect.arrayContaining([
      `${rpc}/SendEvent SERVER`,
      "process parent CONSUMER",
      "send child PRODUCER",
      "POST webhook CLIENT",
    ]),
  );
});

/** Serves a parent, which makes a child of it when it is told to go and ends with it, and the child. */
async function serveFamily(options: Partial<ServeOptions>, hold: AgentDefinition["onTaskEventSend"]) {
  const parent = defineAgent({
    name: "parent",
    async onTaskEventSend(ctx, event) {
      if (event.type === "pigeonhole.task.ended") return ctx.complete();
      if (event.text !== "go") return await hold?.(ctx, event);
      await tracer.startActiveSpan("think", async (span) => {
        await Promise.resolve();
        await ctx.tasks.create({ agent: "child", event: "help" });
        span.end();
      });
      await ctx.messages.send("a child helps");
    },
  });
  const child = defineAgent({
    name: "child",
    onTaskCreate() {},
    onTaskEventSend: (ctx) => ctx.complete(),
  });
  return serve({
    agents: [parent, child],
    port: 0,
    log: quiet,
    webhooks: { allowPrivateAddresses: true },
    ...options,
  });
}

it("links what came with others: the events of a batch, and those that a turn takes", async () => {
  const gate = createGate();
  await using rig = await startRig({
    async onTaskEventSend(ctx, event) {
      if (event.text !== "first") return;
      await gate.pass(ctx);
      await ctx.mailbox.take({ wait: 10_000 });
    },
  });
  const [first, second] = [beginTrace(), beginTrace()];
  const url = rig.url;
  const taskId = await rig.create();
  await clientWithin(first.span.spanContext(), url).tasks.send(taskId, "first");
  await gate.reached;
  const { event } = await clientWithin(second.span.spanContext(), url).tasks.send(taskId, "second");
  gate.open();
  await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
  await rig.close();
  const turn = recording.of(first.traceId).find(({ name }) => name === "process rig");
  expect(turn?.links.map((link) => link.context.traceId)).toEqual([second.traceId]);
  expect(recording.of(second.traceId).map(({ name }) => name)).toEqual([`${rpc}/SendEvent`]);
});

it("has a span for each attempt, whose error is told by its name and not by its words", async () => {
  await using rig = await startRig({
    retry: { maxAttempts: 2, initialBackoff: 1, maxBackoff: 1 },
    onTaskEventSend(_, event) {
      throw new RangeError(`cannot do ${event.text}`);
    },
  });
  const { span, traceId } = beginTrace();
  const { task } = await clientWithin(span.spanContext(), rig.url).tasks.create({
    agent: "rig",
    event: "xyzzy",
  });
  await rig.until(task.id, isEvent(EventState.DEAD_LETTERED));
  await rig.close();
  const turns = recording.of(traceId).filter(({ attributes }) => attributes["error.type"] === "RangeError");
  expect(
    turns.map(({ attributes, status }) => [
      attributes["pigeonhole.attempt"],
      attributes["pigeonhole.turn.result"],
      status.code,
    ]),
  ).toEqual([
    [1, "retried", SpanStatusCode.ERROR],
    [2, "exhausted", SpanStatusCode.ERROR],
  ]);
  expect(
    JSON.stringify(
      recording.of(traceId).map(({ attributes, events, status }) => [attributes, events, status]),
    ),
  ).not.toContain("xyzzy");
});

it("shows clients nothing of it", async () => {
  await using rig = await startRig({});
  const { span } = beginTrace();
  const { task } = await clientWithin(span.spanContext(), rig.url).tasks.create({
    agent: "rig",
    event: "hello",
  });
  const log = await rig.until(task.id, isEvent(EventState.PROCESSED));
  const seen = JSON.stringify(log, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  expect(seen).not.toContain(span.spanContext().traceId);
});

it("passes a tracestate on whole, with the blanks in its values", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const tracestate = "one=a b,two=c";
  const span = spanContextOf(`${traceparent} ${tracestate}`);
  expect(span && headersOf(span)).toEqual({ traceparent, tracestate });
});

it.each([
  ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true],
  ["cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes", true],
  ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false],
  ["ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false],
  ["00-00000000000000000000000000000000-b7ad6b7169203331-01", false],
  ["00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false],
  ["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false],
  ["", false],
])("takes the traceparent %s: %s", (text, taken) => {
  expect(spanContextOf(text) !== undefined).toBe(taken);
});
