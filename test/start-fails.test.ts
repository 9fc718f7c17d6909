import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createManualClock } from "./manual-clock.ts";
import { startServer } from "./service-server.ts";
import { tempDir } from "./temp-dir.ts";

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

it.each([
  ["of TLS", "tls.cert no.pem cannot be used: ENOENT", { tls: { cert: "no.pem", key: "no.key" } }],
  [
    "of keys",
    "auth.jwt.jwks no.json is no JSON Web Key Set: ENOENT",
    { auth: { jwt: { issuer: "i", audience: "a", jwks: "no.json" } } },
  ],
])("a file %s that cannot be used is told before the store is opened", async (_, message, options) => {
  const path = join(tempDir(), "store.db");
  await expect(startServer({ store: `sqlite:${path}`, ...options })).rejects.toMatchObject({
    reason: "VALUE_INVALID",
    message: expect.stringContaining(message),
  });
  expect(existsSync(path)).toBe(false);
});

it.each(["host", "metricsHost", "console"])(
  "an empty %s, such as of a variable that is not set, is refused before the store is opened",
  async (name) => {
    const path = join(tempDir(), "store.db");
    const options = { store: `sqlite:${path}`, insecure: true, metricsPort: 0, [name]: "" };
    await expect(startServer(options)).rejects.toMatchObject({
      reason: "VALUE_INVALID",
      message: `${name} must not be empty`,
    });
    expect(existsSync(path)).toBe(false);
  },
);
