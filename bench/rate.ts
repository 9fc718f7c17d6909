import type { ChildServer } from "./child-server.ts";

/** What a load generator saw. */
export interface Load {
  perSecond: number;
  /** How often the server did it, also while the load generator did not measure. */
  count: number;
}

/** How fast a server does something, and what that costs it. */
export interface Rate {
  perSecond: number;
  /** CPU time of the server's process, of all its threads, in microseconds for each. Noise moves it less than the speed. */
  cpu: number;
}

/** Runs a load and measures what it costs the server. */
export async function rateOf(server: ChildServer, load: () => Promise<Load>): Promise<Rate> {
  const before = await server.usage();
  const { perSecond, count } = await load();
  const after = await server.usage();
  return { perSecond, cpu: (after.cpu - before.cpu) / count };
}
