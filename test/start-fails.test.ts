import { expect, it } from "vitest";
import { createManualClock } from "./manual-clock.ts";
import { startServer } from "./service-server.ts";

it("a start that fails leaves no timer and no port behind", async () => {
  await using server = await startServer();
  const open = new Set<object>();
  const clock = createManualClock();
  const counting = {
    ...clock,
    timer(delay: number, callback: () => void) {
      const stop = clock.timer(delay, callback);
      const timer = {};
      open.add(timer);
      return () => {
        open.delete(timer);
        stop();
      };
    },
  };
  const { port } = server;
  await expect(startServer({ auth: {}, port, clock: counting })).rejects.toThrow("EADDRINUSE");
  expect(open.size).toBe(0);
});
