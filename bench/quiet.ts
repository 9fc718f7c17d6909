import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const sampleMs = 200;
const quietShare = 0.1;

/** How long all measurements together may still wait, so that a machine that is never quiet is measured all the same. */
let patience = 90_000;

/**
 * Waits until the machine has nothing else to do. Between two measurements the servers are idle, so that what runs is others' work,
 * or what the last measurement has left behind.
 */
export async function quiet(): Promise<void> {
  while (patience > 0) {
    const before = used();
    await sleep(sampleMs);
    const after = used();
    if ((after.busy - before.busy) / (after.total - before.total) < quietShare) return;
    patience -= sampleMs;
  }
}

/** Sums up the time of all cores, in milliseconds since the machine was started. */
function used(): { busy: number; total: number } {
  const times = cpus().map((cpu) => cpu.times);
  const idle = times.reduce((sum, time) => sum + time.idle, 0);
  const total = times.reduce(
    (sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq,
    0,
  );
  return { busy: total - idle, total };
}
