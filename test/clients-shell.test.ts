import { afterAll, beforeAll, describe, expect, it } from "vitest";
import greeter from "../examples/greeter.ts";
import type { Server } from "../src/server/index.ts";
import { hasFor, pageCommands, serveFor, startClient } from "./clients-rig.ts";

let server: Server;
beforeAll(async () => {
  server = await serveFor(greeter);
});
afterAll(() => server.close());

/** Runs commands as somebody types them: one after the other, whatever comes of each. */
function type(commands: string): Promise<string> {
  return startClient(`set +eo pipefail\nexec 2>&1\n${commands}\ntrue`, server).ended;
}

describe("the page's commands", () => {
  it.skipIf(!hasFor("a test of docs/clients.md", "curl", "command -v curl"))(
    "call and fail with curl",
    async () => {
      const output = await type(pageCommands('"requestId"'));
      expect(output.match(/"duplicate":true/g)).toHaveLength(1);
      expect(output).toContain('"state":"EVENT_STATE_PROCESSED"');
      expect(output).toContain('"text":"You said: hello. Go on, I am listening. "');
      expect(output).toContain('"state":"TASK_STATE_CANCELLING","statusReason":"enough"');
      expect(output).toMatch(/^\{"code":"not_found",.*"debug":\{"reason":"TASK_NOT_FOUND"/m);
    },
  );

  it.skipIf(!hasFor("a test of docs/clients.md", "curl and stdbuf", "command -v curl stdbuf"))(
    "follow a task over a cut with curl",
    async () => {
      const output = await type(pageCommands("follow()"));
      const lines = output.trimEnd().split("\n");
      const updates = lines.map((line) => JSON.parse(line).update);
      expect(updates.map(({ sequence }) => Number(sequence))).toSatisfy(ascending);
      expect(updates.at(-1).task).toMatchObject({ state: "TASK_STATE_COMPLETED" });
      expect(updates[0]).not.toHaveProperty("task");
    },
  );

  it("call with buf", async () => {
    const output = await type(pageCommands("npx buf curl"));
    expect(output).toContain('"state": "TASK_STATE_COMPLETED"');
    expect(output).toContain('"text": "Goodbye. It was good to talk to you. "');
  });

  it.skipIf(!hasFor("a test of docs/clients.md", "grpcurl", "command -v grpcurl"))(
    "call and fail with grpcurl",
    async () => {
      const output = await type(pageCommands("grpcurl -plaintext"));
      expect(output).toContain('"state": "TASK_STATE_COMPLETED"');
      expect(output).toContain('"reason": "TASK_FINISHED"');
      expect(output).toMatch(/^pigeonhole\.v1\.ScheduleService$/m);
    },
  );
});

function ascending(sequences: number[]): boolean {
  return sequences.every((sequence, index) => sequence >= (sequences[index - 1] ?? 7));
}
