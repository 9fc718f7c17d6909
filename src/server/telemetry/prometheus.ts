import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EventCounts, Millis } from "../store/records.ts";
import type { LogReaders, Meter } from "./meter.ts";

/** The bounds of the buckets, in seconds: of what should take milliseconds, and of what may take minutes. */
const short = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const long = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

export interface PrometheusOptions {
  /** The agents of the server, whose figures are there from the beginning. */
  agents: readonly string[];
  /** How many events there are, by agent, before anything is measured. */
  events: ReadonlyMap<string, EventCounts>;
  /** Tells how long the event waits that has waited longest. */
  oldestAge: () => Promise<Millis>;
}

/** A Meter that keeps its figures in memory, for Prometheus to fetch. */
export interface PrometheusMeter {
  readonly meter: Meter;
  readonly contentType: string;
  /** Tells all figures, in Prometheus's text format. Those who ask at the same time share the answer. */
  text(): Promise<string>;
  /** Says from where to count on, and who knows what is looked up when somebody asks. */
  begin(options: PrometheusOptions): void;
}

/**
 * Makes a meter with a registry of its own; labels are names of agents, RPCs, codes, and others of a fixed number. Figures of the process
 * are kept once, whatever number of servers it has.
 */
export function createPrometheusMeter(): PrometheusMeter {
  const registry = new Registry();
  const registers = [registry];
  const ofProcess = processRegistry();
  let readers: () => LogReaders = () => ({ count: 0, lag: 0 });
  let oldestAge: () => Promise<Millis> = async () => 0;

  const calls = new Counter({
    name: "pigeonhole_rpc_calls_total",
    help: "Calls that have ended, by their canonical code; also those that were refused unread, as without credentials.",
    labelNames: ["service", "method", "code"],
    registers,
  });
  const callDuration = new Histogram({
    name: "pigeonhole_rpc_duration_seconds",
    help: "How long calls took that were read and are no streams: of those that accept something, until it was durable.",
    labelNames: ["service", "method"],
    buckets: short,
    registers,
  });
  const streams = new Gauge({
    name: "pigeonhole_rpc_streams",
    help: "Streams that are open: those of SubscribeTask are the subscribers.",
    labelNames: ["service", "method"],
    registers,
  });
  const limits = new Counter({
    name: "pigeonhole_limit_refused_total",
    help: "What was refused because a limit was reached, by the limit.",
    labelNames: ["limit"],
    registers,
  });
  const accepted = new Counter({
    name: "pigeonhole_events_accepted_total",
    help: "Events that were put into a mailbox, from wherever they came.",
    labelNames: ["agent"],
    registers,
  });
  const deadLettered = new Counter({
    name: "pigeonhole_events_dead_lettered_total",
    help: "Events that were given up.",
    labelNames: ["agent"],
    registers,
  });
  const events = new Gauge({
    name: "pigeonhole_events",
    help: "Events that there are in each state: queued (also to be tried again), scheduled, dead_lettered.",
    labelNames: ["agent", "state"],
    registers,
  });
  new Gauge({
    name: "pigeonhole_oldest_event_age_seconds",
    help: "How long the queued event has waited that has waited longest, of tasks that can go on. NaN if the store does not tell.",
    registers,
    async collect() {
      this.set(await oldestAge().then(seconds, () => Number.NaN));
    },
  });
  const turnDuration = new Histogram({
    name: "pigeonhole_turn_duration_seconds",
    help: "How long turns took, their commit included, by how they ended: committed, retried, exhausted, returned, stopped.",
    labelNames: ["agent", "outcome"],
    buckets: long,
    registers,
  });
  const turnWait = new Histogram({
    name: "pigeonhole_turn_wait_seconds",
    help: "How long events waited for their first turn since they were accepted, or were to be delivered.",
    labelNames: ["agent"],
    buckets: long,
    registers,
  });
  const retries = new Counter({
    name: "pigeonhole_turn_retries_total",
    help: "Turns that ran work again: after an error, a lost race or a lost server.",
    labelNames: ["agent"],
    registers,
  });
  const running = new Gauge({
    name: "pigeonhole_turns_running",
    help: "Turns that run.",
    labelNames: ["agent"],
    registers,
  });
  new Gauge({
    name: "pigeonhole_log_readers",
    help: "Those who follow a log: subscribers, callers who wait for an event, agents.",
    registers,
    collect() {
      this.set(readers().count);
    },
  });
  new Gauge({
    name: "pigeonhole_log_lag_seconds",
    help: "How long the reader of a log has been behind that has been so for longest.",
    registers,
    collect() {
      this.set(seconds(readers().lag));
    },
  });
  const writes = new Histogram({
    name: "pigeonhole_store_transaction_writes",
    help: "How many writes one transaction of the store served.",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    registers,
  });
  const transactionDuration = new Histogram({
    name: "pigeonhole_store_transaction_duration_seconds",
    help: "How long transactions that write took, their commit included.",
    buckets: short,
    registers,
  });
  const commitDuration = new Histogram({
    name: "pigeonhole_store_commit_duration_seconds",
    help: "How long the commits took, with the fsync: the disk's share.",
    buckets: short,
    registers,
  });

  const meter: Meter = {
    call({ service, method, streams: isStream }) {
      if (isStream) {
        streams.inc({ service, method });
        return (code) => {
          streams.dec({ service, method });
          calls.inc({ service, method, code });
        };
      }
      const begun = performance.now();
      return (code) => {
        callDuration.observe({ service, method }, seconds(performance.now() - begun));
        calls.inc({ service, method, code });
      };
    },
    callRefused: (call) => calls.inc(call),
    limitRefused: (limit) => limits.inc({ limit }),
    turn({ agent, attempt, waited }) {
      running.inc({ agent });
      if (attempt > 1) retries.inc({ agent });
      if (waited !== undefined) turnWait.observe({ agent }, seconds(Math.max(0, waited)));
      const begun = performance.now();
      return (outcome) => {
        running.dec({ agent });
        turnDuration.observe({ agent, outcome }, seconds(performance.now() - begun));
      };
    },
    committed(measures) {
      writes.observe(measures.writes);
      transactionDuration.observe(measures.transaction);
      commitDuration.observe(measures.commit);
      for (const [agent, changes] of measures.events) {
        if (changes.accepted > 0) accepted.inc({ agent }, changes.accepted);
        if (changes.deadLettered > 0) deadLettered.inc({ agent }, changes.deadLettered);
        countIn(agent, changes);
      }
    },
    logReaders(read) {
      readers = read;
    },
  };

  return {
    meter,
    contentType: registry.contentType,
    text: shared(async () => `${await registry.metrics()}\n${await ofProcess.metrics()}`),
    begin(options) {
      for (const agent of options.agents) {
        for (const metric of [accepted, deadLettered, retries, running]) metric.inc({ agent }, 0);
        for (const state of ["queued", "scheduled", "dead_lettered"]) events.inc({ agent, state }, 0);
      }
      for (const [agent, counts] of options.events) countIn(agent, counts);
      oldestAge = options.oldestAge;
    },
  };

  function countIn(agent: string, { queued, scheduled, dead }: EventCounts): void {
    if (queued !== 0) events.inc({ agent, state: "queued" }, queued);
    if (scheduled !== 0) events.inc({ agent, state: "scheduled" }, scheduled);
    if (dead !== 0) events.inc({ agent, state: "dead_lettered" }, dead);
  }
}

function seconds(time: Millis): number {
  return time / 1000;
}

/** Makes a function that is under way once at most: whoever calls it meanwhile gets the same answer. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => {
    underWay ??= ask().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

let figuresOfProcess: Registry | undefined;

/** The figures of the process, among them the delay of the event loop, kept from the first time that somebody wants them. */
function processRegistry(): Registry {
  if (figuresOfProcess === undefined) {
    figuresOfProcess = new Registry();
    collectDefaultMetrics({ register: figuresOfProcess });
  }
  return figuresOfProcess;
}
