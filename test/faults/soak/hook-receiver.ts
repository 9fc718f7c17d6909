import { once } from "node:events";
import { createServer } from "node:http";

/** Takes in what webhooks post of tasks, and checks that it comes in order. It forgets a task some time after its end. */
export interface HookReceiver extends AsyncDisposable {
  url: string;
  /** How many deliveries have come. */
  delivered(): number;
  /** Notes that the end of a task is to come. */
  expect(taskId: string): void;
  /** The tasks whose end was to come and has not. */
  missing(): string[];
}

/** How many tasks it remembers: those of the last minutes. */
const maxTasks = 20_000;

/** Starts a receiver. `report` is told of what is wrong. */
export async function startHookReceiver(report: (violation: string) => void): Promise<HookReceiver> {
  const last = new Map<string, { sequence: number; ended: boolean }>();
  const expected = new Set<string>();
  let count = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      count += 1;
      take(JSON.parse(body).data);
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    delivered: () => count,
    expect(taskId) {
      if (!last.get(taskId)?.ended) expected.add(taskId);
    },
    missing: () => [...expected],
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };

  /** Takes in a delivery: again, as the one before was lost with its server, or the next. */
  function take({ taskId, sequence, task }: { taskId: string; sequence: string; task?: object }): void {
    const known = last.get(taskId);
    if (known !== undefined && Number(sequence) < known.sequence) {
      report(`webhook: of task ${taskId} came ${sequence} after ${known.sequence}`);
    }
    const ended = task !== undefined && "endTime" in task;
    last.set(taskId, { sequence: Number(sequence), ended });
    if (ended) expected.delete(taskId);
    const [oldest] = last.keys();
    if (last.size > maxTasks && oldest !== undefined) last.delete(oldest);
  }
}
