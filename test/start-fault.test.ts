import { join } from "node:path";
import { expect, it } from "vitest";
import type { ServeSettings } from "../src/cli/serve-options.ts";
import { startFault } from "../src/cli/start-fault.ts";
import { UsageError } from "../src/cli/usage-error.ts";
import type { ServeOptions } from "../src/server/index.ts";
import { startServer } from "./service-server.ts";
import { tempDir } from "./temp-dir.ts";
import { createAuthority } from "./tls-files.ts";

/** Tells why a server does not start, in the words of the command line. */
async function fault(options: Partial<ServeOptions>, settings: ServeSettings): Promise<unknown> {
  const error: unknown = await startServer(options).then(
    (server) => server.close(),
    (thrown: unknown) => thrown,
  );
  return startFault(error, settings);
}

it("an address that cannot be had is told by its flag, and is no mistake of the command line", async () => {
  await using taken = await startServer();
  const { port } = taken;
  const inUse = (flag: string) =>
    new Error(`${flag}: listen EADDRINUSE: address already in use 127.0.0.1:${port}`);
  expect(await fault({ port }, { port })).toEqual(inUse("--port"));
  expect(await fault({ grpcPort: port }, { port: 0, "grpc-port": port })).toEqual(inUse("--grpc-port"));
  const metrics = { port: 0, "metrics-port": port };
  expect(await fault({ metricsPort: port }, metrics)).toEqual(inUse("--metrics-port"));
  // As Node tells of an address that is another machine's: tests stay on loopback.
  const listen = { syscall: "listen", code: "EADDRNOTAVAIL", address: "203.0.113.1", port: 0 };
  const elsewhere = Object.assign(new Error("address not available"), listen);
  const settings = { host: "203.0.113.1", port: 0 };
  expect(startFault(elsewhere, settings)).toEqual(new Error("--host: address not available"));
});

it("a file that cannot be used is told by its flag", async () => {
  const folder = tempDir();
  const authority = createAuthority(folder);
  const [one, other] = ["one", "other"].map((name) => authority.issue(name, `/CN=${name}`, "DNS:localhost"));
  const [cert = "", key = ""] = [one?.cert, other?.key];
  const none = join(folder, "none");
  expect(await fault({ tls: { cert, key } }, {})).toEqual(
    new UsageError(`--tls-key ${key} cannot be used: it is not the key of the certificate in ${cert}`),
  );
  const tls = { cert, key: one?.key ?? "" };
  const told = [
    { tls: { ...tls, clientCa: none } },
    { auth: { jwt: { issuer: "i", audience: "a", jwks: none } } },
  ];
  expect(await Promise.all(told.map((options) => fault(options, {})))).toMatchObject([
    { message: expect.stringMatching(/^--tls-client-ca \/.*none cannot be used: ENOENT/) },
    { message: expect.stringMatching(/^--jwt-jwks \/.*none is no JSON Web Key Set: ENOENT/) },
  ]);
});
