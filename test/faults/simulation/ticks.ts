import type { JsonObject } from "@bufbuild/protobuf";
import type { Task } from "../../../src/proto.ts";
import type { DeclaredSchedule } from "../../../src/server/agent.ts";
import { listTasks, readEvents } from "../../crash-calls.ts";
import { type Clients, follow, perform, read } from "../../crash-clients.ts";
import { answerOf, type Request } from "../../crash-history.ts";
import type { Random } from "../../crash-random.ts";
import type { Kept } from "./schedule-owner.ts";

/** The name of the one task that ticks go to, or the label of those that each makes for itself. */
const ticks = "ticks";
const second = 1000;
/** How far apart the times of a schedule are. */
const periods: Record<string, number> = { "* * * * * *": second, "0 */2 * * * *": 120 * second };

export function periodOf(cron: string): number {
  return periods[cron] ?? second;
}

/** Picks a schedule: of every second or of every other minute, into one task or a new one each time, with all that it may do about a time. */
export function pickTick(random: Random): DeclaredSchedule {
  return {
    cron: random.pick(Object.keys(periods) as [string, ...string[]]),
    missed: random.pick(["skip", "latest", "all"] as const),
    overlap: random.pick(["allow", "skip", "replace"] as const),
    labels: { of: ticks },
    ...(random.chance(0.5) ? { task: ticks, type: "tick" } : { type: "finish" }),
  };
}

/** Waits for so many ticks, and for whoever keeps the schedule, and reads all that there are by then: for which times. */
export async function awaitTicks(
  clients: Clients,
  tick: DeclaredSchedule,
  count: number,
  keeping: Promise<unknown>,
): Promise<number[]> {
  let over = false;
  const waiting = wait();
  waiting.catch(() => {});
  const named = tick.task === undefined ? await awaitTasks() : await awaitEvents();
  await keeping;
  over = true;
  const ids = named === undefined ? (await ticked()).map(({ id }) => id) : [named];
  const events = await Promise.all(ids.map((taskId) => read(clients, (rpc) => readEvents(rpc, { taskId }))));
  return events.flat().map(({ metadata }) => timeOf(metadata));

  /** Has time pass until a few times have come: it is longer than anybody else waits. */
  async function wait(): Promise<void> {
    for (let waited = 0; !over && waited < 30 * 60 * second; waited += 30 * second) {
      await clients.pause?.(30 * second);
      clients.progress();
    }
  }

  /** Follows the one task. */
  async function awaitEvents(): Promise<string> {
    const request: Request<Task> = { requestId: ticks, outcomes: [] };
    await perform(clients, request, async (rpc, options) => {
      const { task: made, duplicate } = await rpc.createTask(
        { agent: "scribe", name: ticks, requestId: ticks },
        options,
      );
      return { answer: made, duplicate };
    });
    const taskId = answerOf(request)?.id ?? "";
    const told = new Set<string>();
    await follow(clients, taskId, true, ({ entry }) => {
      if (entry.case === "event") told.add(entry.value.id);
      return told.size >= count ? "enough" : undefined;
    });
    return taskId;
  }

  /** Looks now and then how many tasks there are. */
  async function awaitTasks(): Promise<undefined> {
    while ((await ticked()).length < count) await clients.pause?.(periodOf(tick.cron) / 2);
  }

  async function ticked(): Promise<Task[]> {
    return (await listTasks(clients)).filter(({ labels }) => labels.of === ticks);
  }
}

/**
 * Checks that no time has fired twice, but by a trigger, of which there are no more than were asked for, and that each has whose schedule
 * makes up for all of them.
 */
export function checkTicks(
  times: number[],
  { cron, missed, overlap }: DeclaredSchedule,
  { triggers, pauses }: Kept,
): string[] {
  const period = periodOf(cron);
  const sorted = [...new Set(times.filter((time) => time % period === 0))].sort((a, b) => a - b);
  const others = times.length - sorted.length;
  const every = missed === "all" && overlap === "allow" && pauses === 0;
  const gaps = sorted.filter(
    (time, index) => every && index > 0 && time !== (sorted[index - 1] ?? 0) + period,
  );
  return [
    ...gaps.map((time) => `G3 what comes before ${new Date(time).toISOString()} has not fired`),
    ...(others > triggers
      ? [`G3 ${others} ticks are of no time of their own, and ${triggers} triggers`]
      : []),
  ];
}

/** The time for which a schedule has sent an event. */
function timeOf(metadata: JsonObject | undefined): number {
  const { schedule } = metadata ?? {};
  const time = typeof schedule === "object" && schedule !== null && "time" in schedule ? schedule.time : "";
  return Date.parse(String(time));
}
