import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import greeter from "../examples/greeter.ts";
import { createClient } from "../src/client/index.ts";
import { describeFollower, type Follower } from "./clients-follow.ts";
import { createHesitant, pageCommands, serveFor, splitLast, startClient } from "./clients-rig.ts";
import { tempDir } from "./temp-dir.ts";

/** The promises that the clients check, and how each ends that found them kept. */
const kept = [/^created: one task/m, /^sent: /m, /^cut: /m, /^cancelled: /m, /^refused: TASK_FINISHED: /m];

/** Runs the client of a language as its commands on the page say. */
export function describeClient(language: string, runs: boolean, follower: Follower): void {
  describe.skipIf(!runs)(`the ${language} client`, () => {
    const { prepare, run } = splitLast(pageCommands(`cd examples/clients/${language}`));

    // Installs and compiles, the first time.
    beforeAll(() => startClient(prepare, { port: 0 }).ended, 300_000);

    it("finds the promises kept by the example agent", async () => {
      await using server = await serving(greeter);
      const output = await startClient(run, server).ended;
      for (const line of kept) expect(output).toMatch(line);
      expect(output).toContain("You said: the pigeons are back. Go on, I am listening.");
    });

    it("goes on where it was after a restart of the server in the middle of an answer", async () => {
      const store = `sqlite:${join(tempDir(), "store.db")}`;
      const mayGoOn = Promise.withResolvers<void>();
      await using first = await serving(
        createHesitant(() => true, mayGoOn.promise),
        { store },
      );
      const client = startClient(run, first);
      await client.printed("cut: ");
      mayGoOn.resolve();
      await client.printed("... not ");
      await first.close();
      const second = createHesitant((text) => text === "one more thing", mayGoOn.promise);
      await using _ = await serving(second, { store, port: first.port });
      const output = await client.ended;
      for (const line of [...kept, /^lost: .* subscribes again after sequence [1-9]/m, /^ +\d+ {2}void: /m])
        expect(output).toMatch(line);
      expect(output).toContain("MESSAGE_AUTHOR_AGENT: This is all.");
    });

    it("waits with its subscription for a server that has too many", async () => {
      await using server = await serving(greeter, { limits: { maxSubscriptions: 1 } });
      const { tasks } = createClient({ baseUrl: `http://127.0.0.1:${server.port}` });
      const { task } = await tasks.create({ agent: "greeter" });
      const other = tasks.subscribe(task.id);
      await other.next();
      const client = startClient(run, server);
      await client.printed("lost: OVERLOADED");
      await other.return();
      const output = await client.ended;
      for (const line of kept) expect(output).toMatch(line);
    });

    it("tells the reason when the server refuses", async () => {
      await using server = await serving({ ...greeter, name: "another" });
      await expect(startClient(run, server).ended).rejects.toThrow("AGENT_NOT_FOUND");
    });

    describeFollower(follower);
  });
}

/** Serves an agent until the test is over, or until it is closed before. */
async function serving(...args: Parameters<typeof serveFor>) {
  const server = await serveFor(...args);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= server.close();
    return closed;
  };
  return { port: server.port, close, [Symbol.asyncDispose]: close };
}
