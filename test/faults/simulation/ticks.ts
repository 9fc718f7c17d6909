import type { JsonObject } from "@bufbuild/protobuf";
import type { Task } from "../../../src/proto.ts";
import type { DeclaredSchedule } from "../../../src/server/agent.ts";
import { listTasks, readEvents } from "../../crash-calls.ts";
import { type Clients, follow, perform, read } from "../../crash-clients.ts";
import { answerOf, type Request } from "../../crash-history.ts";
import type { Random } from "../../crash-random.ts";

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

/** Waits for so many ticks, and reads all that there are by then: for which times. */
export async function awaitTicks(clients: Clients, tick: DeclaredSchedule, count: number): Promise<number[]> {
  let over = false;
  const waiting = wait();
  waiting.catch(() => {});
  const ids = tick.task === undefined ? await awaitTasks() : [await awaitEvents()];
  over = true;
  const events = await Promise.all(ids.map((taskId) => read(clients, (rpc) => readEvents(rpc, { taskId }))));
  return events.flat().map(({ metadata }) => timeOf(metadata));

  /** Has time pass until a few times have come: it is longer than anybody else waits. */
  async function wait(): Promise<void> {
    for (let waited = 0; !over && waited < 10 * 60 * second; waited += 30 * second) {
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
  async function awaitTasks(): Promise<string[]> {
    for (;;) {
      const made = (await listTasks(clients)).filter(({ labels }) => labels.of === ticks);
      if (made.length >= count) return made.map(({ id }) => id);
      await clients.pause?.(periodOf(tick.cron) / 2);
    }
  }
}

/** Checks that no time has fired twice, and that each has whose schedule makes up for all of them. */
export function checkTicks(times: number[], { cron, missed, overlap }: DeclaredSchedule): string[] {
  const sorted = times.toSorted((a, b) => a - b);
  const every = missed === "all" && overlap === "allow";
  return sorted.flatMap((time, index) => {
    const wanted = (sorted[index - 1] ?? time - periodOf(cron)) + periodOf(cron);
    if (every ? time === wanted : time >= wanted) return [];
    const [found, missed] = [time, wanted].map((each) => new Date(each).toISOString());
    return [`G3 tick ${index} is for ${found}, and not for ${missed}`];
  });
}

/** The time for which a schedule has sent an event. */
function timeOf(metadata: JsonObject | undefined): number {
  const { schedule } = metadata ?? {};
  const time = typeof schedule === "object" && schedule !== null && "time" in schedule ? schedule.time : "";
  return Date.parse(String(time));
}
