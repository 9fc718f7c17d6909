import type { Task } from "../../../src/proto.ts";
import { checkHistory } from "../../crash-check.ts";
import { type Clients, read } from "../../crash-clients.ts";
import { leadTask } from "../../crash-life.ts";

/** What came of a load so far. */
export interface LoadCounts {
  tasks: number;
  events: number;
  abandoned: number;
}

export interface Load {
  clients: Clients;
  /** What the names of its tasks begin with. */
  name: string;
  /** How many tasks to lead at once. */
  tasksAtOnce: number;
  /** Aborts when no further task is to be begun. */
  signal: AbortSignal;
  counts: LoadCounts;
  /** Is told of a task that has ended. */
  ended(taskId: string): void;
  /** Is told of what is wrong. */
  report(violation: string): void;
}

/** Leads one task after the other, several at once, and checks each when it has ended: nothing is kept of it. */
export async function runLoad(load: Load): Promise<void> {
  const { clients, name, tasksAtOnce, signal, report } = load;
  let count = 0;
  await Promise.all(Array.from({ length: tasksAtOnce }, lead));

  async function lead(): Promise<void> {
    while (!signal.aborted) {
      try {
        await leadOne(load, clients, `${name}-${count++}`);
      } catch (error) {
        report(error instanceof Error ? `${error.message}: ${error.cause ?? error.stack}` : String(error));
      }
    }
  }
}

async function leadOne({ counts, ended, report }: Load, clients: Clients, name: string): Promise<void> {
  const life = await leadTask(clients, name);
  const history = "history" in life ? [life.history] : [];
  const abandoned = "abandoned" in life ? [life.abandoned] : [];
  const requests = [...history.map(({ create }) => create), ...abandoned];
  const listed: Task[] = [];
  for (const { requestId } of requests)
    listed.push(...(await list(clients, { labels: { request: requestId } })));
  for (const { end } of history) listed.push(...(await list(clients, { parentTaskId: end.task.id })));
  for (const violation of checkHistory({ tasks: history, abandoned, listed })) report(violation);
  counts.tasks += history.length;
  counts.abandoned += abandoned.length;
  for (const { end } of history) {
    counts.events += end.events.length;
    ended(end.task.id);
  }
}

function list(
  clients: Clients,
  filter: { labels?: Record<string, string>; parentTaskId?: string },
): Promise<Task[]> {
  return read(clients, async (rpc) => (await rpc.listTasks({ agent: "scribe", ...filter })).tasks);
}
