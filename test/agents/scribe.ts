import { setTimeout } from "node:timers/promises";
import { hasReason } from "../../src/server/errors.ts";
import {
  type Agent,
  type AgentDefinition,
  type AgentEvent,
  defineAgent,
  FinalError,
  type TurnContext,
} from "../../src/server/index.ts";
import { mentionOf, reminderOf, reportOf, wordsFor } from "./scribe-answer.ts";

/** Lets a time pass, in ms. */
type Pace = (time: number) => Promise<unknown>;

export default createScribe(setTimeout);

/**
 * Makes an agent, with these rules besides its own, that keeps count of what it did, so that a test can tell what was effective how often.
 *
 * The type of an event says how it is handled: `stumble` fails once half an answer is out, `stubborn` goes on after it was told to stop,
 * `gather` takes others that wait and mentions them, `delegate` makes a child that says the same and finishes, `commission` one that also
 * reports, and may have too little time for it, `recall` one that is cancelled at once, `poison` is given up unless a `cure` was handled
 * before, `later` is put off once, for a time, and `gathered` until another event waits, `ask` asks a question, `hurry` one that is soon
 * too late to answer, `apart` is noted on a page of its own, so that no turn beside it is in its way, `remind` that is alone is put off,
 * too, has itself reminded meanwhile or later, and takes the reminder back when it is handled, `finish` completes the task; any other is
 * answered, unless it is the server's own.
 */
export function createScribe(pace: Pace, rules: Partial<AgentDefinition> = {}, greets = true): Agent {
  return defineAgent({
    name: "scribe",
    cancelGrace: 30,
    ...rules,
    retry: { initialBackoff: 5, maxBackoff: 50, ...rules.retry },

    ...(greets && { onTaskCreate: (ctx) => greet(ctx, pace) }),

    ...(rules.mailbox?.batch === undefined
      ? { onTaskEventSend: (ctx, event) => handle(ctx, [event], pace) }
      : { onTaskEventBatch: (ctx, events) => handle(ctx, events, pace) }),

    async onTaskCancel(ctx, reason) {
      countUp(ctx, "cancelled");
      await ctx.messages.send(`Stopped: ${reason}`);
      await pace(2);
    },
  });
}

async function greet(ctx: TurnContext, pace: Pace): Promise<void> {
  countUp(ctx, "created");
  const greeting = ctx.messages.stream();
  for (const word of ["I ", "am ", "ready."]) {
    await greeting.write(word);
    await pace(1);
  }
}

/** Handles the first event as its type says, and mentions the others, as if it had taken them. */
async function handle(
  ctx: TurnContext,
  [event, ...others]: readonly AgentEvent[],
  pace: Pace,
): Promise<void> {
  if (event === undefined) return;
  const page = event.type === "apart" ? `${event.sequence}/` : "";
  countUp(ctx, `${page}turns`);
  if (event.type === "remind" && others.length === 0 ? remind(ctx, event) : putsOff(ctx, event)) return;
  for (const each of [event, ...others]) note(ctx, each, page);
  for (const other of others) await mention(ctx, other);
  if (event.type.startsWith("pigeonhole.")) return;
  await ctx.messages.send(event.parts, { author: "user" });
  await answer(ctx, event, pace);
  switch (event.type) {
    case "gather":
      for (const steering of [false, true]) {
        // As often as not, it waits for some to come.
        const wait = event.sequence % 2 === 0 && !steering ? 10 : 0;
        for (const other of await ctx.mailbox.take({ max: 2, steering, wait })) {
          note(ctx, other, page);
          await mention(ctx, other);
        }
      }
      break;
    case "delegate": {
      const labels = { delegate: event.id };
      await ctx.tasks.create({ agent: "scribe", labels, event: event.parts, type: "finish" });
      break;
    }
    case "commission": {
      const labels = { delegate: event.id };
      const limit = event.sequence % 3 === 0 && { ttl: 60 };
      await ctx.tasks.create({ agent: "scribe", labels, event: event.parts, type: "report", ...limit });
      break;
    }
    case "recall": {
      const labels = { delegate: event.id };
      await ctx.tasks.cancel(
        await ctx.tasks.create({ agent: "scribe", labels, event: event.parts }),
        "recalled",
      );
      break;
    }
    case "report":
      await report(ctx, event);
      break;
    case "ask":
    case "hurry":
      // Of several outcomes the last counts, and the end of the task is not to be forgotten.
      if (others.some(({ type }) => type === "finish")) break;
      ctx.requireInput({
        prompt: `What of ${event.text}?`,
        ...(event.type === "hurry" && { deadline: { in: 40 } }),
      });
      break;
    case "poison":
      // What ends the task is not given up with it: no other event would.
      if (ctx.state.get<boolean>("cured") === undefined && !others.some(({ type }) => type === "finish")) {
        throw event.sequence % 2 === 0
          ? new FinalError("there is no cure")
          : new Error("there is no cure yet");
      }
  }
}

/** Leaves a turn's events for later, once, if the first of them asks for it. Returns whether it does. */
function putsOff(ctx: TurnContext, { type, sequence }: AgentEvent): boolean {
  if (type !== "later" && type !== "gathered") return false;
  const done = ctx.state.get<number[]>("putOff") ?? [];
  if (done.includes(sequence)) return false;
  ctx.state.set("putOff", [...done, sequence]);
  ctx.defer(type === "later" ? { in: 20 } : { events: 2 });
  return true;
}

/** Puts an event off with a reminder, which comes before or after it is due again, or takes that back. Returns whether it puts it off. */
function remind(ctx: TurnContext, { id, text, sequence }: AgentEvent): boolean {
  const reminders = ctx.state.get<Record<string, string>>("reminders") ?? {};
  const before = reminders[id];
  if (before !== undefined) {
    ctx.unschedule(before);
    return false;
  }
  const when = { in: sequence % 2 === 0 ? 10 : 300 };
  ctx.state.set("reminders", {
    ...reminders,
    [id]: ctx.schedule(when, reminderOf(text), { type: "reminder" }),
  });
  ctx.defer({ in: 20 });
  return true;
}

/** Tells the task that this one was made by, unless it takes no more events, or is there no more. */
async function report({ tasks, task }: TurnContext, { text }: AgentEvent): Promise<void> {
  try {
    await tasks.send(task.parentTaskId, reportOf(text), { type: "reported" });
  } catch (error) {
    if (!hasReason(error, "TASK_FINISHED") && !hasReason(error, "TASK_NOT_FOUND")) throw error;
  }
}

/** Notes on a page that an event was handled, and does what it is about. */
function note(ctx: TurnContext, { sequence, type, text }: AgentEvent, page: string): void {
  countUp(ctx, `${page}count`);
  ctx.state.set(`${page}seen`, [...(ctx.state.get<number[]>(`${page}seen`) ?? []), sequence]);
  if (type === "cure") ctx.state.set("cured", true);
  if (type === "finish" || type === "report") ctx.complete(text);
}

async function mention(ctx: TurnContext, { type, text }: AgentEvent): Promise<void> {
  if (!type.startsWith("pigeonhole.")) await ctx.messages.send(mentionOf(text));
}

async function answer(ctx: TurnContext, event: AgentEvent, pace: Pace): Promise<void> {
  const words = wordsFor(event.text);
  const message = ctx.messages.stream();
  for (const [index, word] of words.entries()) {
    if (event.type === "stumble" && ctx.attempt === 1 && index > words.length / 2) {
      throw new Error(`stumbled over ${JSON.stringify(word)}`);
    }
    await message.write(word).catch((error: unknown) => {
      if (event.type !== "stubborn") throw error;
    });
    await pace(event.type === "stubborn" ? 4 : 1);
  }
}

function countUp(ctx: TurnContext, key: string): void {
  ctx.state.set(key, (ctx.state.get<number>(key) ?? 0) + 1);
}
