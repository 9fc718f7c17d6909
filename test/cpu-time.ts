/**
 * Tells how much work a thing was: the ms of CPU time that this process spent on it, on all of its threads. Unlike the time that has
 * passed, it tells nothing of what else the machine does.
 */
export async function cpuTime(work: () => unknown): Promise<number> {
  const begin = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}
