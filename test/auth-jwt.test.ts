import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createClient, TaskPermission } from "../src/client/index.ts";
import { type JwtOptions, openJwtVerifier } from "../src/server/auth/jwt.ts";
import { systemClock } from "../src/server/clock.ts";
import { type AuthRig, all, outcome, startAuthRig } from "./auth-rig.ts";
import { reasonOf } from "./store-contract/scene.ts";
import { tempDir } from "./temp-dir.ts";

const issuer = "https://issuer.example";
const audience = "pigeonhole";
const [good, other] = await Promise.all([generateKeyPair("ES256"), generateKeyPair("ES256")]);
const keys = { keys: [{ ...(await exportJWK(good.publicKey)), kid: "one", alg: "ES256" }] };

/** An issuer on this machine, which counts how often its keys are fetched. */
let fetched = 0;
let broken = false;
const server = createServer((_, response) => {
  fetched += 1;
  response.statusCode = broken ? 500 : 200;
  response.setHeader("content-type", "application/json").end(JSON.stringify(keys));
});

let jwt: JwtOptions;
let rig: AuthRig;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  jwt = { issuer, audience, jwks: `http://127.0.0.1:${port}/keys` };
  rig = await startAuthRig({ auth: { jwt } });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  server.close();
});

interface Changes {
  claims?: JWTPayload;
  /** A claim that is left out. */
  without?: string;
  key?: CryptoKey;
  header?: { alg: string; kid?: string };
}

function sign({
  claims = {},
  without,
  key = good.privateKey,
  header = { alg: "ES256", kid: "one" },
}: Changes = {}) {
  const exp = Math.floor(Date.now() / 1000) + 600;
  const entries = Object.entries({ iss: issuer, aud: audience, sub: "dora", exp, ...claims });
  return new SignJWT(Object.fromEntries(entries.filter(([name]) => name !== without)))
    .setProtectedHeader(header)
    .sign(key);
}

describe("a JSON Web Token", () => {
  it("is its bearer's name and role, and its keys are fetched once", async () => {
    const dora = rig.with(await sign());
    expect((await dora.tasks.create({ agent: "clerk" })).task.owner).toBe("dora");
    expect(await outcome(all(dora.tokens.list()))).toBe("NOT_ALLOWED");
    const roles = { pigeonhole_role: ["staff", "agent", "admin"] };
    expect(await outcome(all(rig.with(await sign({ claims: roles })).tokens.list()))).toBe("ok");
    expect(fetched).toBe(1);
  });

  it.each<[string, string, Changes]>([
    ["of another issuer", "CREDENTIALS_INVALID", { claims: { iss: "https://other.example" } }],
    ["for another audience", "CREDENTIALS_INVALID", { claims: { aud: "other" } }],
    ["without a subject", "CREDENTIALS_INVALID", { without: "sub" }],
    ["whose subject is no name", "CREDENTIALS_INVALID", { claims: { sub: "a b\n" } }],
    ["that never ends", "CREDENTIALS_INVALID", { without: "exp" }],
    [
      "that ended a minute ago",
      "CREDENTIALS_EXPIRED",
      { claims: { exp: Math.floor(Date.now() / 1000) - 60 } },
    ],
    [
      "that begins in a minute",
      "CREDENTIALS_INVALID",
      { claims: { nbf: Math.floor(Date.now() / 1000) + 60 } },
    ],
    ["that another key has signed", "CREDENTIALS_INVALID", { key: other.privateKey }],
    ["of a key that is not known", "CREDENTIALS_INVALID", { header: { alg: "ES256", kid: "two" } }],
  ])("%s is refused: %s", async (_, reason, changes) => {
    const error = await all(rig.with(await sign(changes)).tasks.list()).catch((error: unknown) => error);
    expect(error).toMatchObject({ reason });
    expect(String(error)).not.toMatch(/dora|example|two/);
  });

  it("that a shared secret or nobody has signed is refused", async () => {
    const secret = new TextEncoder().encode(JSON.stringify(keys.keys[0]));
    const claims = { iss: issuer, aud: audience, sub: "dora", exp: Math.floor(Date.now() / 1000) + 600 };
    const hmac = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "one" }).sign(secret);
    for (const token of [hmac, new UnsecuredJWT(claims).encode()]) {
      expect(await outcome(all(rig.with(token).tasks.list()))).toBe("CREDENTIALS_INVALID");
    }
  });

  it("may have an end that is no whole number, for task tokens too", async () => {
    const exp = Date.now() / 1000 + 60.123456789;
    const { tasks } = rig.with(await sign({ claims: { exp } }));
    const { task } = await tasks.create({ agent: "clerk" });
    expect(await outcome(tasks.createToken(task.id, { permissions: [TaskPermission.SUBSCRIBE] }))).toBe("ok");
  });

  it("that has ended within the clock's tolerance is good", async () => {
    const exp = Math.floor(Date.now() / 1000) - 5;
    expect(await outcome(all(rig.with(await sign({ claims: { exp } })).tasks.list()))).toBe("ok");
  });

  it("cannot be told good or bad while the issuer's keys cannot be fetched", async () => {
    broken = true;
    const time = Date.now();
    const errors: string[] = [];
    const log = { info() {}, warn() {}, error: (message: string) => void errors.push(message) };
    const clock = { ...systemClock, now: () => time };
    await using alone = await startAuthRig({ auth: { jwt }, log, clock });
    const token = await sign();
    const once = createClient({ baseUrl: alone.url, token, retry: { maxAttempts: 1 } });
    for (let n = 0; n < 3; n++) expect(await outcome(all(once.tasks.list()))).toBe("ISSUER_UNAVAILABLE");
    // Once a second: any stranger can ask.
    expect(errors).toEqual(["the keys of the tokens' issuer cannot be fetched"]);
    // Other tokens are no concern of the issuer's.
    expect(await outcome(all(alone.as.alice.tasks.list()))).toBe("ok");
    broken = false;
    expect(await outcome(all(once.tasks.list()))).toBe("ok");
  });
});

/** Opens what verifies tokens for as long as a test takes. */
async function openVerifier(options: JwtOptions) {
  const log = { info() {}, warn() {}, error() {} };
  const verifier = await openJwtVerifier(options, { now: () => Date.now(), log });
  onTestFinished(() => verifier.close());
  return verifier;
}

describe("a file of keys", () => {
  it("is read again when it changes, and what it does not hold any more is refused at once", async () => {
    const path = join(tempDir(), "keys.json");
    writeFileSync(path, JSON.stringify(keys));
    const read = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<void>();
    const log = {
      info: (message: string) =>
        message === "the keys of the tokens' issuer were read again" && read.resolve(),
      warn() {},
      error: (message: string) => /cannot be used; those before stay/.test(message) && failed.resolve(),
    };
    await using file = await startAuthRig({ auth: { jwt: { ...jwt, jwks: path } }, log });
    const before = file.with(await sign());
    const after = file.with(await sign({ key: other.privateKey, header: { alg: "ES256", kid: "two" } }));
    const list = (client: typeof before) => outcome(all(client.tasks.list()));
    expect([await list(before), await list(after)]).toEqual(["ok", "CREDENTIALS_INVALID"]);
    writeFileSync(path, "no keys");
    await failed.promise;
    expect([await list(before), await list(after)]).toEqual(["ok", "CREDENTIALS_INVALID"]);
    const next = { ...(await exportJWK(other.publicKey)), kid: "two", alg: "ES256" };
    writeFileSync(path, JSON.stringify({ keys: [next] }));
    await read.promise;
    expect([await list(before), await list(after)]).toEqual(["CREDENTIALS_INVALID", "ok"]);
  });

  it("has none of its tokens remembered that were looked at when it changed", async () => {
    const path = join(tempDir(), "keys.json");
    writeFileSync(path, JSON.stringify(keys));
    const { verify, reload } = await openVerifier({ ...jwt, jwks: path });
    const tokens = await Promise.all(
      Array.from({ length: 200 }, (_, n) => sign({ claims: { sub: `dora-${n}` } })),
    );
    writeFileSync(path, JSON.stringify({ keys: [] }));
    const verified = Promise.allSettled(tokens.map((token) => verify(token)));
    await Promise.all([reload(), verified]);
    const reasons = await Promise.all(tokens.map((token) => reasonOf(Promise.resolve(verify(token)))));
    expect(new Set(reasons)).toEqual(new Set(["CREDENTIALS_INVALID"]));
  });
});

describe("what verifies tokens", () => {
  it("reads keys from a file, and claims of other names", async () => {
    const path = join(tempDir(), "keys.json");
    writeFileSync(path, JSON.stringify(keys));
    const { verify } = await openVerifier({
      ...jwt,
      jwks: path,
      principalClaim: "email",
      roleClaim: "groups",
    });
    const session = await verify(await sign({ claims: { email: "dora@example.org", groups: "agent" } }));
    expect(session.principal).toEqual({ id: "dora@example.org", role: "agent" });
    expect(await reasonOf(Promise.resolve(verify(await sign())))).toBe("CREDENTIALS_INVALID");
  });

  it.each<[string, Partial<JwtOptions>]>([
    ["auth.jwt.issuer", { issuer: "" }],
    ["auth.jwt.audience", { audience: "" }],
    ["auth.jwt.jwks", { jwks: "http://issuer.example/keys" }],
    ["auth.jwt.jwks", { jwks: "/nowhere/keys.json" }],
    ["auth.jwt.clockTolerance", { clockTolerance: 300_001 }],
  ])("refuses a wrong %s: %o", async (name, wrong) => {
    await expect(openVerifier({ ...jwt, ...wrong })).rejects.toThrow(name);
  });
});
