import type { JsonValue } from "@bufbuild/protobuf";
import {
  type Agent,
  type AgentDefinition,
  type AgentEvent,
  defineAgent,
  type TurnContext,
} from "../src/server/index.ts";

/** An agent that does what the type of an event says, and a hold on what it does. */
export interface Desk {
  agent: Agent;
  /** Resolves when the handler of a task's `block` event waits. */
  entered(taskId: string): Promise<void>;
  /** Lets the handler of a task's `block` event go on, now or once it waits. */
  release(taskId: string): void;
}

interface Gate {
  entered: PromiseWithResolvers<void>;
  released: PromiseWithResolvers<void>;
}

/** Makes an agent for tests, with these rules besides its own. An event of a type that it does not know is echoed. */
export function createDesk(name = "desk", rules: Partial<AgentDefinition> = {}): Desk {
  const gates = new Map<string, Gate>();
  const agent = defineAgent({
    name,
    description: "Does what it is told.",
    mailbox: { maxPending: 3 },
    retry: { maxAttempts: 2, initialBackoff: 1, maxBackoff: 2 },
    cancelGrace: 1000,
    ...rules,
    async onTaskEventSend(ctx, event) {
      const action = actions[event.type];
      if (event.type === "block") await block(ctx);
      else if (action === undefined) await ctx.messages.send(event.parts);
      else await action(ctx, event);
    },
    async onTaskCancel(ctx, reason) {
      await ctx.messages.send(`cancelled: ${reason}`);
    },
  });
  return {
    agent,
    entered: (taskId) => gateOf(taskId).entered.promise,
    release: (taskId) => gateOf(taskId).released.resolve(),
  };

  async function block(ctx: TurnContext): Promise<void> {
    const gate = gateOf(ctx.task.id);
    gate.entered.resolve();
    ctx.signal.addEventListener("abort", () => gate.released.resolve(), { once: true });
    await gate.released.promise;
    gates.delete(ctx.task.id);
  }

  function gateOf(taskId: string): Gate {
    const known = gates.get(taskId);
    if (known !== undefined) return known;
    const gate = { entered: Promise.withResolvers<void>(), released: Promise.withResolvers<void>() };
    gates.set(taskId, gate);
    return gate;
  }
}

const actions: Record<string, (ctx: TurnContext, event: AgentEvent) => Promise<void> | void> = {
  /** Says the text word by word. */
  async stream(ctx, event) {
    const message = ctx.messages.stream();
    for (const word of event.text.split(" ")) await message.write(`${word} `);
    await message.end();
  },
  /** Says half of something and fails; the second time it says the text. */
  async stumble(ctx, event) {
    const message = ctx.messages.stream();
    if (ctx.attempt > 1) return message.write(event.text);
    // So much that it waits until this is in the log.
    await message.write("half".padEnd(70_000, "."));
    throw new TypeError("stumbled");
  },
  /** Keeps failing. */
  fail(_, event) {
    throw new RangeError(event.text);
  },
  /** Keeps what the metadata says. */
  remember(ctx, event) {
    for (const [key, value] of Object.entries(event.metadata)) ctx.state.set(key, value);
  },
  /** Shows messages in deltas of 10,000 characters. The text says how many of each: "20 x 100" is 20 MB. */
  async flood(ctx, event) {
    const [messages = 0, pieces = 0] = event.text.split(" x ").map(Number);
    for (let count = 0; count < messages; count++) {
      const message = ctx.messages.stream();
      for (let piece = 0; piece < pieces; piece++) {
        await message.write(`${count}.${piece};`.padEnd(10_000, "."));
      }
      await message.end();
    }
  },
  /** Asks what the text says. The metadata may have a schema of the answer. */
  ask(ctx, { text: prompt, metadata: { schema } }) {
    ctx.requireInput({ prompt, ...(isObject(schema) && { schema }) });
  },
  finish: (ctx, event) => ctx.complete(event.text),
  abandon: (ctx, event) => ctx.fail(event.text),
};

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
