import { cancel, create, listTasks, readEnd, send } from "../crash-calls.ts";
import { type Clients, follow, perform } from "../crash-clients.ts";
import { answerOf, type SendRequest, type StoreHistory, type TaskHistory } from "../crash-history.ts";
import { createRandom } from "../crash-random.ts";
import type { ServerSeries } from "../crash-servers.ts";

/**
 * Leads two tasks through all that a server writes down: events are accepted, turns start, show what they write, fail and are run again,
 * commit, and end a task or are cancelled. Goes on over crashes, and tells what the clients saw.
 * Its requests have names of their own under `name`; `refused` is
 * called when a server could not write.
 */
export async function runScript(
  servers: Pick<ServerSeries, "current">,
  { name = "script", refused = () => {} }: { name?: string; refused?: () => Promise<void> | void } = {},
): Promise<StoreHistory> {
  const clients: Clients = {
    servers,
    random: createRandom(1),
    now: Date.now,
    progress: () => {},
    refused,
  };
  const tasks = [
    await lead(clients, `${name} completed`, ["say", "stumble", "finish"], false),
    await lead(clients, `${name} cancelled`, ["say", "stubborn"], true),
  ];
  return { tasks, abandoned: [], listed: await listTasks(clients) };
}

async function lead(
  clients: Clients,
  name: string,
  types: string[],
  cancelled: boolean,
): Promise<TaskHistory> {
  const creation: TaskHistory["create"] = { requestId: name, outcomes: [] };
  await perform(clients, creation, create(name, undefined));
  const taskId = answerOf(creation)?.id ?? "";
  const followed = follow(clients, taskId, false);
  const sends: SendRequest[] = types.map((type, index) => ({
    ...{ requestId: `${name}-${index}`, text: `${type} ${index} of ${name}`, type, outcomes: [] },
  }));
  for (const request of sends) await perform(clients, request, send(taskId, request));
  const cancels = cancelled ? [{ requestId: `${name}-cancel`, reason: "enough", outcomes: [] }] : [];
  for (const request of cancels) await perform(clients, request, cancel(taskId, request));
  const logs = [await followed];
  // Made again, every request has the answer that it had.
  await perform(clients, creation, create(name, undefined));
  for (const request of sends) await perform(clients, request, send(taskId, request));
  for (const request of cancels) await perform(clients, request, cancel(taskId, request));
  return { create: creation, sends, cancels, logs, end: await readEnd(clients, taskId) };
}
