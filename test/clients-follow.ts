import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { SubscribeTaskResponseSchema } from "../src/proto.ts";
import { serveScript, serveStatus } from "./client-scripted-server.ts";
import { type RunningClient, startClient } from "./clients-rig.ts";

/** The follow() of a client, without the rest of it. */
export interface Follower {
  /** Whether it speaks HTTP/2. */
  http2: boolean;
  /**
   * Gives the commands that follow any task, with so many attempts in a row, and streams that last so many seconds, or are silent for so
   * long, until they are taken up again.
   */
  commands(attempts: number, seconds: number): string;
}

/** Tests what counts as a failure in a row, on servers that play what networks do. */
export function describeFollower({ http2, commands }: Follower): void {
  describe("its subscription", () => {
    it("gives up on streams that end right after their first heartbeat", async () => {
      let calls = 0;
      await using server = await serveScript({
        http2,
        async *subscribeTask() {
          yield heartbeat;
          if (++calls < 10) throw cut();
        },
      });
      await expect(start(commands(3, 60), server).ended).rejects.toThrow("cut");
      expect(calls).toBe(3);
    });

    it("takes an entry, and whatever follows the first heartbeat, for a connection that lives", async () => {
      let calls = 0;
      await using server = await serveScript({
        http2,
        async *subscribeTask() {
          calls++;
          if (calls === 8) return;
          yield calls % 2 ? heartbeat : entry(calls);
          yield heartbeat;
          throw cut();
        },
      });
      await start(commands(2, 60), server).ended;
      expect(calls).toBe(8);
    });

    it("follows for longer than it has attempts where heartbeats are rarer than its streams last", async () => {
      let calls = 0;
      await using server = await serveScript({
        http2,
        async *subscribeTask(_, { signal }) {
          yield heartbeat;
          if (++calls > 35) return;
          await new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          });
        },
      });
      // So many attempts that a machine which is now and then too slow to answer within a stream's time has enough of them.
      await start(commands(30, 0.3), server).ended;
      expect(calls).toBeGreaterThan(35);
    }, 180_000);

    it.each([
      [404, /unimplemented/i],
      [401, /unauthenticated/i],
      [403, /permission_denied/i],
    ])("takes the status %i of something in between for final", async (status, code) => {
      let calls = 0;
      await using server = await serveStatus(status, { http2, called: () => calls++ });
      await expect(start(commands(3, 60), server).ended).rejects.toThrow(code);
      expect(calls).toBe(1);
    });
  });
}

function start(commands: string, { url }: { url: string }): RunningClient {
  return startClient(commands, { port: Number(new URL(url).port) });
}

const heartbeat = create(SubscribeTaskResponseSchema, {
  update: { entry: { case: "heartbeat", value: {} } },
});

function entry(sequence: number) {
  const update = { sequence: BigInt(sequence), entry: { case: "task" as const, value: {} } };
  return create(SubscribeTaskResponseSchema, { update });
}

function cut(): ConnectError {
  return new ConnectError("cut", Code.Unavailable);
}
