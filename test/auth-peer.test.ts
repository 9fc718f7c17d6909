import { describe, expect, it } from "vitest";
import { AgentService } from "../src/proto.ts";
import { createAuthenticator } from "../src/server/auth/authenticator.ts";
import { createAuth } from "../src/server/auth/index.ts";
import { type Peer, peerPrincipal } from "../src/server/auth/peer.ts";
import { callerKey } from "../src/server/auth/principal.ts";
import { systemClock } from "../src/server/clock.ts";
import { TaskError } from "../src/server/errors.ts";
import { createDispatch } from "../src/server/http/dispatch.ts";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";

const peer = (subject: string, ...sans: string[]): Peer => ({
  certificate: { subject, sans, fingerprint256: "AB:CD", expireTime: Date.now() + 60_000 },
});

describe("a client certificate", () => {
  it.each<[string, Peer, string]>([
    ["its common name", peer("CN=worker\nO=Example"), "worker"],
    [
      "its common name with a plus sign, as Node escapes it",
      peer("CN=ci\\+worker@a.example"),
      "ci+worker@a.example",
    ],
    [
      "its URI, if it has one",
      peer("CN=worker", "DNS:a.example", "URI:spiffe://example.org/w"),
      "spiffe://example.org/w",
    ],
  ])("is for %s", (_, certificate, id) => {
    expect(peerPrincipal(certificate)).toEqual({ id, role: "client" });
    expect(peerPrincipal(certificate, { admins: ["x"], agents: [id] })).toEqual({ id, role: "agent" });
    expect(peerPrincipal(certificate, { admins: [id], agents: [id] })).toEqual({ id, role: "admin" });
  });

  it.each([
    ["no name", peer("O=Example")],
    ["two common names", peer("CN=a\nCN=b")],
    ["two common names that stand together", peer("CN=a + CN=b")],
    ["two URIs", peer("CN=a", "URI:a", "URI:b")],
    ["a name that is none", peer("CN=a b")],
    ["a URI that is no name", peer("CN=a", "URI:a b")],
  ])("with %s is refused", (_, certificate) => {
    expect(() => peerPrincipal(certificate)).toThrow(TaskError);
  });

  it("is the caller's name where no token is shown", async () => {
    const none = { find: () => undefined, has: () => false };
    const authenticate = createAuthenticator({
      tokens: none,
      taskTokens: () => Promise.reject(new Error("there is no key")),
      peerRoles: { admins: ["root"] },
      now: Date.now,
    });
    expect((await authenticate(new Headers(), peer("CN=root"))).principal).toEqual({
      id: "root",
      role: "admin",
    });
    expect(() => authenticate(new Headers({ authorization: "Bearer pgh_x" }), peer("CN=root"))).toThrow(
      TaskError,
    );
    expect(() => authenticate(new Headers(), undefined)).toThrow(TaskError);
    const { certificate } = peer("CN=root");
    expect(() => authenticate(new Headers(), { certificate: { ...certificate, expireTime: 0 } })).toThrow(
      "the time of what the caller has shown has passed",
    );
  });
});

describe("a request with a peer", () => {
  it("reaches its service as that peer's, from the edge's request", async () => {
    const store = await openSqliteStore(":memory:");
    const log = { info() {}, warn() {}, error() {} };
    const auth = createAuth({}, { store, clock: systemClock, log });
    await auth.start();
    let called: unknown;
    const dispatch = createDispatch({
      routes: (router) =>
        router.service(AgentService, {
          listAgents(_, { values }) {
            called = values.get(callerKey);
            return {};
          },
        }),
      interceptors: auth.interceptors,
      ...(auth.authenticate && { authenticate: auth.authenticate }),
      admit: () => undefined,
      readMaxBytes: 1e6,
      cors: [],
      convertError: (error) => {
        throw error;
      },
      isHealthy: () => true,
    });
    const request = {
      ...{
        httpVersion: "2.0",
        method: "POST",
        url: "http://localhost/pigeonhole.v1.AgentService/ListAgents",
      },
      header: new Headers({ "content-type": "application/json" }),
      body: (async function* () {
        yield new TextEncoder().encode("{}");
      })(),
      signal: new AbortController().signal,
      peer: peer("CN=worker"),
    };
    expect((await dispatch(request)).status).toBe(200);
    expect(called).toEqual({
      principal: { id: "worker", role: "client" },
      owner: "worker",
      expireTime: request.peer.certificate.expireTime,
    });
    auth.stop();
    await store.close();
  });
});
