import type { JsonObject } from "@bufbuild/protobuf";
import type { Task } from "../../../src/proto.ts";
import type { DeclaredSchedule } from "../../../src/server/agent.ts";
import { readPages } from "../../crash-calls.ts";
import { type Clients, follow, perform, read } from "../../crash-clients.ts";
import { answerOf, type Request } from "../../crash-history.ts";

/** The name of the one task that the ticks go to. */
const task = "ticks";
const second = 1000;

/** A schedule of every second, which makes up for all that was missed. */
export const tick: DeclaredSchedule = { cron: "* * * * * *", missed: "all", task, type: "tick" };

/** Waits for so many ticks, and reads all that there are by then: for which times. */
export async function awaitTicks(clients: Clients, count: number): Promise<number[]> {
  const request: Request<Task> = { requestId: task, outcomes: [] };
  await perform(clients, request, async (rpc, options) => {
    const { task: made, duplicate } = await rpc.createTask(
      { agent: "scribe", name: task, requestId: task },
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
  const events = await read(clients, (rpc) =>
    readPages(async (pageToken) => {
      const { events: items, nextPageToken } = await rpc.listEvents({ taskId, pageToken });
      return { items, nextPageToken };
    }),
  );
  return events.map(({ metadata }) => timeOf(metadata));
}

/** Checks that each time has fired, and once. */
export function checkTicks(times: number[]): string[] {
  const [first = 0] = times;
  return times.flatMap((time, index) => {
    const wanted = first + index * second;
    if (time === wanted) return [];
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
