import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type LookupFunction } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { startRig } from "./http-rig.ts";
import { takeAttempts } from "./loopback-only.ts";

/** An address that is nobody's (RFC 5737). */
const elsewhere = "192.0.2.1";
const lookup: LookupFunction = (_, { all = false }, done) => {
  if (all) done(null, [{ address: elsewhere, family: 4 }]);
  else done(null, elsewhere, 4);
};

describe("a test", () => {
  it.each<[string, () => Promise<unknown>]>([
    ["a socket", () => once(connect(9, elsewhere), "connect")],
    [
      "a socket to a name that leads there",
      () => once(connect({ port: 9, host: "a.example", lookup }), "connect"),
    ],
    ["IPv6", () => once(connect(9, "2001:db8::1"), "connect")],
    ["TLS", () => once(connectTls(9, elsewhere), "secureConnect")],
    ["HTTP/2", () => once(connectHttp2(`http://${elsewhere}`), "connect")],
    ["fetch", () => fetch(`http://${elsewhere}/`)],
    ["a name", () => fetch("http://a.example/")],
  ])("cannot reach elsewhere with %s, and would fail for having tried", async (_, reach) => {
    await expect(reach()).rejects.toThrow();
    expect(takeAttempts()).toEqual([expect.stringMatching(/^(connect to (192|2001)|look up a\.example)/)]);
  });

  it("reaches this machine, by its name too", async () => {
    await using rig = await startRig();
    for (const host of ["127.0.0.1", "localhost"]) {
      expect((await fetch(`http://${host}:${rig.address.port}/healthz`)).status).toBe(200);
    }
  });
});
