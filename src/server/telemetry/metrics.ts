import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { Measures, Store } from "../store/store.ts";
import { type Meter, noMeter } from "./meter.ts";

/** How many tasks of a kind are looked at for the event that has waited longest: what bounds the cost of a look. */
const maxLooked = 1000;

/** The server's figures, and the port where they are told. */
export interface Metrics {
  readonly meter: Meter;
  /** What the store is to be opened with. Undefined: it has nothing to measure. */
  readonly onMeasures: ((measures: Measures) => void) | undefined;
  /** Begins to tell them, before anything is accepted. Resolves with where, if anywhere. Rejects if the address cannot be had. */
  open(
    store: Pick<Store, "countEvents" | "oldestWaiting">,
    agents: readonly string[],
    clock: Clock,
  ): Promise<{ port: number } | undefined>;
  close(): Promise<void>;
}

export interface MetricsOptions {
  host: string;
  /** 0 for any that is free. Undefined: there are no figures, and none are kept. */
  port: number | undefined;
  /** Whether the port may be asked by a host's name. */
  hasHost: (host: string) => boolean;
}

const noMetrics: Metrics = {
  meter: noMeter,
  onMeasures: undefined,
  open: async () => undefined,
  close: async () => {},
};

/** Makes what keeps the figures. Without a port it is nothing, and what keeps them is not loaded. */
export async function createMetrics({ host, port, hasHost }: MetricsOptions): Promise<Metrics> {
  if (port === undefined) return noMetrics;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TaskError("VALUE_INVALID", `metricsPort must be a whole number from 0 to 65,535, is ${port}`);
  }
  const [{ createPrometheusMeter }, { openMetricsServer }] = await Promise.all([
    import("./prometheus.ts"),
    import("./metrics-server.ts"),
  ]);
  const source = createPrometheusMeter();
  let close = async () => {};
  return {
    meter: source.meter,
    onMeasures: source.meter.committed,
    async open(store, agents, clock) {
      source.begin({
        agents,
        events: await store.countEvents(),
        async oldestAge() {
          const since = await store.oldestWaiting({ now: clock.now(), limit: maxLooked });
          return since === undefined ? 0 : Math.max(0, clock.now() - since);
        },
      });
      const server = await openMetricsServer({ host, port, hasHost, source });
      close = server.close;
      return { port: server.port };
    },
    close: () => close(),
  };
}
