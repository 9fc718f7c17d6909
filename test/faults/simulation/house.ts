import type { Transport } from "@connectrpc/connect";
import { ScheduleService, TaskService, WebhookService } from "../../../src/proto.ts";
import type { Agent } from "../../../src/server/agent.ts";
import { agentRecord } from "../../../src/server/agent-record.ts";
import type { Clock } from "../../../src/server/clock.ts";
import { createLocalEngine } from "../../../src/server/engine/local-engine.ts";
import { createErrorInterceptor } from "../../../src/server/error-interceptor.ts";
import { hasReason, serverStopping } from "../../../src/server/errors.ts";
import { createMailbox } from "../../../src/server/mailbox/mailbox.ts";
import { createScheduleService } from "../../../src/server/schedule-service.ts";
import { declareSchedules } from "../../../src/server/schedules/declared-schedules.ts";
import { createScheduler } from "../../../src/server/schedules/scheduler.ts";
import { createTaskService } from "../../../src/server/service.ts";
import type { Millis } from "../../../src/server/store/records.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { createTaskLog } from "../../../src/server/task-log/task-log.ts";
import { createTaskQuota } from "../../../src/server/task-quota.ts";
import { createValidationInterceptor } from "../../../src/server/validation/index.ts";
import { createWebhookService } from "../../../src/server/webhook-service.ts";
import {
  type AddressGuard,
  createDeliverer,
  type Post,
} from "../../../src/server/webhooks/outgoing/index.ts";
import { createDirectTransport } from "./direct-transport.ts";
import { webhookId } from "./receiver.ts";

/** Lets everything be called: it is the simulation that does. */
const guard: AddressGuard = {
  check: async (url) => ({ url: new URL(url), addresses: ["192.0.2.1"] }),
};

export interface HouseOptions {
  store: Store;
  agent: Agent;
  clock: Clock;
  /** The most turns that run at once. */
  maxTurns: number;
  /** Where the agent's webhook posts to. Default: it has none. */
  post?: Post | undefined;
  /** Is told of errors that are nobody's but the server's. */
  defect(error: unknown): void;
}

/** What serves. */
export interface House {
  transport: Transport;
  /** Stops as a server does that is told to: turns may go on for a time, in ms, and then are told to stop. Resolves when nothing runs. */
  stop(deadline: Millis): Promise<void>;
}

/** What serves the agent: everything between the transport and the store, as `serve` puts it together. Resolves when clients may call. */
export async function openHouse({
  store,
  agent,
  clock,
  maxTurns,
  post,
  defect,
}: HouseOptions): Promise<House> {
  const agents = new Map([[agent.name, agent]]);
  await store.putAgents([agentRecord(agent)]);
  await declareSchedules(store, agents, clock);
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  // Clients are not told that nothing happens: in a simulation it is the end of it.
  const taskLog = createTaskLog({ store, clock, heartbeat: Number.MAX_SAFE_INTEGER / 2 });
  const engine = createLocalEngine({ store, agents, taskLog, clock, log, maxTurns });
  const mailbox = createMailbox({ store, agents, accept: engine.accept, clock });
  const stopping = new AbortController();
  const service = createTaskService({
    ...{ store, mailbox, taskLog, clock },
    stopping: stopping.signal,
    auth: { taskTokens: () => Promise.reject(new Error("nobody asks for tokens here")) },
  });
  const report = (error: unknown) => {
    if (!hasReason(error, "STORE_UNAVAILABLE")) defect(error);
  };
  const interceptors = [createErrorInterceptor(report, clock.id), createValidationInterceptor()];
  const deliverer = createDeliverer({ store, guard, clock, log, ...(post && { post }) });
  const webhooks = createWebhookService({ agents, store, guard, deliverer, clock });
  const quota = createTaskQuota(store, Number.MAX_SAFE_INTEGER, clock);
  const scheduler = createScheduler({ store, agents, quota, onLimit: () => {}, clock, log });
  const schedules = createScheduleService({ agents, store, quota, clock, onChanged: scheduler.wake });
  const transport = createDirectTransport(
    (router) =>
      router
        .service(TaskService, service)
        .service(ScheduleService, schedules)
        .service(WebhookService, webhooks),
    interceptors,
  );
  await engine.start();
  scheduler.start();
  if (post !== undefined) {
    await makeWebhook(store, agent.name, clock);
    await deliverer.start();
  }
  return {
    transport,
    async stop(deadline) {
      stopping.abort(serverStopping());
      await Promise.all([engine.stop(deadline), scheduler.stop(), deliverer.stop()]);
      taskLog.close();
    },
  };
}

/** Makes the agent's webhook, unless it is there. */
async function makeWebhook(store: Store, agent: string, clock: Clock): Promise<void> {
  if ((await store.getWebhook(webhookId)) === undefined) {
    await store.createWebhook({
      ...{ id: webhookId, url: "https://receiver.example/", source: { agent }, maxWebhooks: 1 },
      kinds: ["task", "event", "message", "superseded"],
      secret: `whsec_${"A".repeat(32)}`,
      now: clock.now(),
    });
  }
}
