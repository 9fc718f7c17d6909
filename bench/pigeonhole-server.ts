// Pigeonhole with the agents that the figures need, with a gRPC door, and beside it, in the same process, an empty service.
// Usage: node --expose-gc pigeonhole-server.ts <database file>. Prints the URL of the one, of the other, and of the gRPC door of each.
import { once } from "node:events";
import { createErrorInterceptor } from "../src/server/error-interceptor.ts";
import { createGrpcDoor } from "../src/server/http/grpc/index.ts";
import { createListener, type ListenerOptions } from "../src/server/http/index.ts";
import { defineAgent, serve, systemClock } from "../src/server/index.ts";
import { createValidationInterceptor } from "../src/server/validation/index.ts";
import { EmptyService } from "./empty-service.ts";
import { reportUsage } from "./usage.ts";

const mailbox = { maxPending: 1_000_000 };

/** Never comes to an end with its first event, so that whatever else is sent stays in the mailbox. */
const blocked = defineAgent({
  name: "blocked",
  mailbox,
  async onTaskEventSend(ctx) {
    await once(ctx.signal, "abort");
  },
});

/** Handles each event at once. */
const sink = defineAgent({ name: "sink", mailbox, async onTaskEventSend() {} });

/** Answers its first event and completes. */
const answer = defineAgent({
  name: "answer",
  async onTaskEventSend(ctx) {
    await ctx.messages.send("done");
    ctx.complete();
  },
});

/** Answers each event with the event's text. */
const echo = defineAgent({
  name: "echo",
  async onTaskEventSend(ctx, event) {
    await ctx.messages.send(event.text);
  },
});

/** Streams as many words as its event says, with as many milliseconds between them as it says, and completes. */
const words = defineAgent({
  name: "words",
  async onTaskEventSend(ctx, event) {
    const [count = 0, pause = 0] = event.text.split(" ").map(Number);
    const stream = ctx.messages.stream();
    for (let word = 0; word < count; word++) {
      await stream.write(`${process.hrtime.bigint()} `);
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    }
    await stream.end();
    ctx.complete();
  },
});

const opened = Promise.withResolvers<void>();

/** Handles nothing until `opener` has had an event. */
const held = defineAgent({
  name: "held",
  mailbox,
  onTaskCreate: () => opened.promise,
  async onTaskEventSend() {},
});
const opener = defineAgent({ name: "opener", onTaskEventSend: () => opened.resolve() });

const host = "127.0.0.1";
const server = await serve({
  agents: [blocked, sink, answer, echo, words, held, opener],
  port: 0,
  grpcPort: 0,
  host,
  store: `sqlite:${process.argv[2]}`,
  // The blocked turns of all rounds, and those that are measured.
  maxTurns: 1_000_000,
  drain: 0,
});

// A call passes through all that one of Pigeonhole's does, up to the service.
const { id } = systemClock;
const emptyOptions: ListenerOptions = {
  host,
  port: 0,
  interceptors: [createErrorInterceptor(console.error, id), createValidationInterceptor()],
  routes: (router) => router.service(EmptyService, { call: () => ({}) }),
  shutdown: new AbortController(),
  report: console.error,
  newId: id,
};
const empty = createListener(emptyOptions);
const emptyDoor = createGrpcDoor(emptyOptions);

const [{ url: emptyUrl }, { url: emptyDoorUrl }] = [await empty.listen(), await emptyDoor.listen()];
console.log(server.url, emptyUrl, server.grpcUrl, emptyDoorUrl);

reportUsage();
process.once("SIGTERM", async () => {
  await Promise.all([server.close(), empty.close(0), emptyDoor.close(0)]);
  process.exit();
});
