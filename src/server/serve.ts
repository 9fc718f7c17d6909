import { AgentService, ScheduleService, TaskService, TokenService, WebhookService } from "../proto.ts";
import { agentRecord } from "./agent-record.ts";
import { createAgentService } from "./agent-service.ts";
import { callerKey, createAuth, openJwtVerifier } from "./auth/index.ts";
import { createCallLimits } from "./call-limits.ts";
import { createLocalEngine } from "./engine/local-engine.ts";
import { createErrorInterceptor } from "./error-interceptor.ts";
import { serverStopping } from "./errors.ts";
import {
  createConsole,
  createListener,
  type Listener,
  type ListenerOptions,
  openCertificates,
} from "./http/index.ts";
import type { OnLimit } from "./limits.ts";
import { createMailbox } from "./mailbox/mailbox.ts";
import { openStore } from "./open-store.ts";
import { routeOperations } from "./operations.ts";
import { pause } from "./pause.ts";
import { createReadiness } from "./readiness.ts";
import { createReport, withoutCauses } from "./report-errors.ts";
import { warnOfReach } from "./require-safe-address.ts";
import { createScheduleService } from "./schedule-service.ts";
import { declareSchedules } from "./schedules/declared-schedules.ts";
import { createScheduler } from "./schedules/scheduler.ts";
import { checkOptions, type ServeOptions } from "./serve-options.ts";
import { createTaskService } from "./service.ts";
import { createTaskLog } from "./task-log/task-log.ts";
import { createTaskQuota } from "./task-quota.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { createCallObserver } from "./telemetry/observe-calls.ts";
import { createTokenService } from "./token-service.ts";
import { createValidationInterceptor } from "./validation/index.ts";
import { createWebhookService } from "./webhook-service.ts";
import { createIncomingWebhooks } from "./webhooks/incoming/index.ts";
import { createAddressGuard, createDeliverer, systemResolve } from "./webhooks/outgoing/index.ts";

/** A server that listens. */
export interface Server {
  /** Where it listens, as in `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Where its gRPC door listens, as in `http://127.0.0.1:9090`. Undefined if it has none. */
  readonly grpcUrl: string | undefined;
  /** The port of the metrics, if there is one. */
  readonly metricsPort?: number;
  /** Reads the files of TLS and of the issuer's keys again. If they cannot be used, the log says so, and what was before stays. */
  reloadFiles(): Promise<void>;
  /**
   * Closes: tells by its health that it does, and waits for `drainDelay`; then takes no more requests, ends subscriptions with UNAVAILABLE,
   * lets turns finish for as long as `drain` says and gives back what has not, and closes the store. Nothing that was acknowledged is lost.
   * Resolves when all is done, however often it is called.
   */
  close(): Promise<void>;
}

/** Serves agents: the one place that chooses a store and an engine, and puts the house together. */
export async function serve(options: ServeOptions): Promise<Server> {
  const { agents, host, port, tls, requireHost, authOptions, limits, maxTurns, ...checked } =
    checkOptions(options);
  const { metricsOptions, drain, drainDelay, heartbeat, clock, log } = checked;
  const { logHandlerErrors: logErrors = false } = options;
  const draining = new AbortController();
  const stopping = new AbortController();
  /** What ends what was begun, the last first: for a start that fails half-way. */
  const endings: (() => unknown)[] = [];
  try {
    // What is wrong with a file is told before anything is opened or migrated.
    const certificates = tls && (await openCertificates(tls, log));
    endings.unshift(() => certificates?.close());
    const jwt = authOptions?.jwt && (await openJwtVerifier(authOptions.jwt, { now: clock.now, log }));
    endings.unshift(() => jwt?.close());
    const metrics = await createMetrics(metricsOptions);
    endings.unshift(metrics.close);
    const { meter } = metrics;
    const onLimit: OnLimit = (name) => {
      meter.limitRefused(name);
      options.onLimit?.(name);
    };
    const store = await openStore(options.store ?? "sqlite:./pigeonhole.db", metrics.onMeasures);
    endings.unshift(store.close);
    const auth = createAuth(authOptions, { store, clock, log, verifyJwt: jwt?.verify });
    endings.unshift(auth.stop);
    await auth.start();
    await store.putAgents([...agents.values()].map(agentRecord));
    await declareSchedules(store, agents, clock);
    const quota = createTaskQuota(store, limits.maxTasks, clock);
    const callLimits = createCallLimits({
      limits,
      onLimit,
      clock,
      ...(authOptions !== undefined && { principalOf: (values) => values.get(callerKey).principal.id }),
    });
    const taskLog = createTaskLog({ store, clock, heartbeat, meter });
    const engine = createLocalEngine({
      store,
      agents,
      taskLog,
      clock,
      log,
      maxTurns,
      meter,
      logErrors,
    });
    endings.unshift(() => engine.stop(0), taskLog.close);
    const mailbox = createMailbox({ store, agents, accept: engine.accept, quota, clock });
    const scheduler = createScheduler({ store, agents, quota, onLimit, clock, log });
    endings.unshift(scheduler.stop);
    const { allowPrivateAddresses = false, resolve = systemResolve } = options.webhooks ?? {};
    const guard = createAddressGuard({ allowPrivateAddresses, resolve });
    const deliverer = createDeliverer({ store, guard, clock, log });
    endings.unshift(deliverer.stop);
    const report = createReport(log, clock);
    const calls = createCallObserver(meter, log);
    const { console = true } = options;
    const edge: ListenerOptions = {
      host,
      port,
      ...(requireHost && { requireHost }),
      cors: options.corsOrigins ?? [],
      limits,
      onLimit,
      admit: callLimits.admit,
      onRefused: calls.onRefused,
      ...(certificates && { tls: certificates }),
      shutdown: stopping,
      report,
      newId: clock.id,
      readiness: createReadiness(store, clock, draining.signal),
      webhooks: createIncomingWebhooks({
        agents,
        mailbox,
        clock,
        report: logErrors ? report : withoutCauses(report),
        // Who sends it is known only once its signature has been checked.
        admit: (request) => callLimits.admit(request, true),
        onLimit,
        maxBytes: limits.maxMessageBytes,
        stopping: stopping.signal,
      }),
      ...(console !== false && { fallback: createConsole(console === true ? undefined : console) }),
      interceptors: [
        calls.interceptor,
        createErrorInterceptor(report, clock.id),
        ...auth.interceptors,
        callLimits.interceptor,
        ...auth.ownership,
        createValidationInterceptor(limits),
      ],
      ...(auth.authenticate && { authenticate: callLimits.authenticate(auth.authenticate) }),
      routes(router) {
        router.service(
          TaskService,
          createTaskService({ store, mailbox, taskLog, stopping: stopping.signal, clock, auth }),
        );
        const { wake: onChanged } = scheduler;
        router.service(ScheduleService, createScheduleService({ agents, store, quota, clock, onChanged }));
        router.service(AgentService, createAgentService({ agents, store }));
        router.service(WebhookService, createWebhookService({ agents, store, guard, deliverer, clock }));
        router.service(TokenService, createTokenService({ store, clock, ...auth }));
        const services = [TaskService, ScheduleService, AgentService, WebhookService, TokenService];
        routeOperations(router, services, { draining: draining.signal, stopping: stopping.signal });
      },
    };
    const listener = createListener(edge);
    endings.unshift(() => listener.close(0));
    const { grpcPort } = options;
    const door = grpcPort === undefined ? undefined : await createDoor({ ...edge, port: grpcPort });
    const listeners = door === undefined ? [listener] : [listener, door];
    endings.unshift(() => door?.close(0));
    const told = await metrics.open(store, [...agents.keys()], clock);
    const address = await listener.listen();
    const doorAddress = await door?.listen();
    await engine.start();
    scheduler.start();
    await deliverer.start();
    warnOfReach(log, { host, authenticated: authOptions !== undefined, encrypted: tls !== undefined });
    const close = async () => {
      draining.abort(serverStopping());
      if (drainDelay > 0) await pause(clock, drainDelay, stopping.signal);
      await Promise.all([
        ...listeners.map((each) => each.close(drain)),
        engine.stop(drain),
        scheduler.stop(),
        deliverer.stop(),
      ]);
      certificates?.close();
      jwt?.close();
      auth.stop();
      taskLog.close();
      await store.close();
      await metrics.close();
    };
    let closed: Promise<void> | undefined;
    return {
      ...address,
      grpcUrl: doorAddress?.url,
      ...(told !== undefined && { metricsPort: told.port }),
      async reloadFiles() {
        await Promise.all([certificates?.reload(), jwt?.reload()]);
      },
      close() {
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    // What a start failed for is told, whatever else fails on the way back.
    for (const end of endings)
      await Promise.resolve()
        .then(end)
        .catch(() => {});
    throw error;
  }
}

/** Makes the gRPC door. Loads what it stands on only for those who want it: that takes a tenth of a second and four megabytes. */
async function createDoor(options: ListenerOptions): Promise<Listener> {
  const { createGrpcDoor } = await import("./http/grpc/index.ts");
  return createGrpcDoor(options);
}
