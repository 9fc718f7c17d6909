import { createRouterTransport, type Transport } from "@connectrpc/connect";
import { TaskService } from "../../../src/proto.ts";
import type { Agent } from "../../../src/server/agent.ts";
import type { Clock } from "../../../src/server/clock.ts";
import { createLocalEngine } from "../../../src/server/engine/local-engine.ts";
import { createErrorInterceptor } from "../../../src/server/error-interceptor.ts";
import { hasReason } from "../../../src/server/errors.ts";
import { createMailbox } from "../../../src/server/mailbox/mailbox.ts";
import { declareSchedules } from "../../../src/server/schedules/declared-schedules.ts";
import { createScheduler } from "../../../src/server/schedules/scheduler.ts";
import { createTaskService } from "../../../src/server/service.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { createTaskLog } from "../../../src/server/task-log/task-log.ts";
import { createValidationInterceptor } from "../../../src/server/validation/index.ts";

export interface HouseOptions {
  store: Store;
  agent: Agent;
  clock: Clock;
  /** Is told of errors that are nobody's but the server's. */
  defect(error: unknown): void;
}

/** What serves the agent: everything between the transport and the store, as `serve` puts it together. Resolves when clients may call. */
export async function openHouse({ store, agent, clock, defect }: HouseOptions): Promise<Transport> {
  const agents = new Map([[agent.name, agent]]);
  const { name, mailbox: rules, keepDeltas } = agent;
  await store.putAgents([{ name, ...rules, keepDeltas }]);
  await declareSchedules(store, agents, clock);
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const mailbox = createMailbox({ store, agents, clock });
  // Clients are not told that nothing happens: in a simulation it is the end of it.
  const taskLog = createTaskLog({ store, clock, heartbeat: Number.MAX_SAFE_INTEGER / 2 });
  const engine = createLocalEngine({ store, agents, taskLog, clock, log, maxTurns: 100 });
  const service = createTaskService({
    ...{ store, mailbox, taskLog, clock },
    stopping: new AbortController().signal,
    auth: { taskTokens: () => Promise.reject(new Error("nobody asks for tokens here")) },
  });
  const report = (error: unknown) => {
    if (!hasReason(error, "STORE_UNAVAILABLE")) defect(error);
  };
  const interceptors = [createErrorInterceptor(report, clock.id), createValidationInterceptor()];
  const transport = createRouterTransport((router) => router.service(TaskService, service), {
    router: { interceptors },
  });
  await engine.start();
  createScheduler({ store, agents, clock, log }).start();
  return transport;
}
