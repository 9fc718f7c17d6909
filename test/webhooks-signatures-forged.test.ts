import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  githubSignature,
  hmacSignature,
  slackSignature,
  standardWebhooksSignature,
  type VerifyWebhook,
} from "../src/server/index.ts";
import { judge, now } from "./webhooks-judge.ts";
import {
  githubHeaders,
  slackHeaders,
  slackSecret,
  standardHeaders,
  standardSecret,
} from "./webhooks-signed.ts";
import "./property-seed.ts";

/** Every verifier, with two secrets, and headers that it takes for a body. */
const verifiers = [
  {
    name: "githubSignature",
    verify: githubSignature({ secret: ["new", "old"] }),
    sign: (body: Uint8Array) => githubHeaders(body, "d", "old"),
    signed: ["x-hub-signature-256"],
  },
  {
    name: "slackSignature",
    verify: slackSignature({ signingSecret: ["new", slackSecret] }),
    sign: (body: Uint8Array) => slackHeaders(body, String(now / 1000)),
    signed: ["x-slack-signature", "x-slack-request-timestamp"],
  },
  {
    name: "standardWebhooksSignature",
    verify: standardWebhooksSignature({ secret: ["whsec_bmV3", standardSecret] }),
    sign: (body: Uint8Array) => standardHeaders(body, "m_1", String(now / 1000)),
    signed: ["webhook-id", "webhook-timestamp", "webhook-signature"],
  },
  {
    name: "hmacSignature",
    verify: hmacSignature({ secret: ["new", "old"], header: "x-sign", encoding: "base64" }),
    sign: (body: Uint8Array) => ({ "x-sign": createHmac("sha256", "old").update(body).digest("base64") }),
    signed: ["x-sign"],
  },
];

describe.each(verifiers)("$name", ({ verify, sign, signed }) => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 });

  it("takes what any of its secrets has signed, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        expect(await judge(verify, sign(body), body)).toBeTypeOf("object");
      }),
    );
  });

  it("refuses a body of which a single bit is another", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(), async (body, position) => {
        expect(await judge(verify, sign(body), flipBit(body, position))).toBe("SIGNATURE_INVALID");
      }),
    );
  });

  it("refuses a body that is cut off, or has more", async () => {
    const body = Buffer.from("some body");
    for (const other of [
      body.subarray(1),
      body.subarray(0, -1),
      Buffer.concat([body, body]),
      Buffer.alloc(0),
    ]) {
      expect(await judge(verify, sign(body), other)).toBe("SIGNATURE_INVALID");
    }
  });

  it.each(signed)(
    "refuses a header %s of which a single bit is another, and one that is not there",
    async (name) => {
      const body = Buffer.from("some body");
      const headers = new Headers(sign(body));
      const value = Buffer.from(headers.get(name) ?? "", "latin1");
      for (let position = 0; position < value.length * 8; position++) {
        const changed = flipBit(value, position).toString("latin1");
        // What no header may be does not come this far.
        if (/[\0\r\n]/.test(changed)) continue;
        headers.set(name, changed);
        expect(await judge(verify, headers, body)).toBe("SIGNATURE_INVALID");
      }
      headers.delete(name);
      expect(await judge(verify, headers, body)).toBe("SIGNATURE_INVALID");
    },
  );

  it("says nothing of the secret nor of the right signature when it refuses", () => {
    const body = Buffer.from("some body");
    const headers = new Headers(sign(body));
    const right = signed.map((name) => headers.get(name) ?? "").filter(({ length }) => length > 20);
    for (const name of signed) headers.set(name, `${headers.get(name)}0`);
    const error: unknown = (() => {
      try {
        return verify({ headers, body }, now);
      } catch (thrown) {
        return thrown;
      }
    })();
    const said = JSON.stringify([String(error), error]);
    for (const secret of ["new", "old", slackSecret, standardSecret.slice(6), ...right]) {
      expect(said).not.toContain(secret);
    }
  });
});

describe.each([
  [
    "slackSignature",
    (tolerance?: number) => slackSignature({ signingSecret: slackSecret, ...given(tolerance) }),
  ],
  [
    "standardWebhooksSignature",
    (tolerance?: number) => standardWebhooksSignature({ secret: standardSecret, ...given(tolerance) }),
  ],
] as const)("the times that %s takes", (name, define) => {
  const headersAt = (timestamp: string) =>
    name === "slackSignature" ? slackHeaders("x", timestamp) : standardHeaders("x", "m", timestamp);
  const takes = async (verify: VerifyWebhook, timestamp: string, time = now) =>
    typeof (await judge(verify, headersAt(timestamp), "x", time)) === "object";

  it("are those within five minutes, before and after", async () => {
    const ages = [-301, -300, -1, 0, 1, 300, 301];
    const taken = await Promise.all(ages.map((age) => takes(define(), String(now / 1000 - age))));
    expect(taken).toEqual([false, true, true, true, true, true, false]);
    expect(await takes(define(), String(now / 1000), now + 300_001)).toBe(false);
  });

  it("are those within the tolerance that is asked for", async () => {
    const verify = define(10_000);
    const taken = await Promise.all([0, 10, 11].map((age) => takes(verify, String(now / 1000 - age))));
    expect(taken).toEqual([true, true, false]);
    expect(() => define(-1)).toThrow(/tolerance/);
    expect(() => define(Number.NaN)).toThrow(/tolerance/);
  });

  it.each(["", "x", "1e9", "-1", "1700000000.0", "0x6553f100", "1700000000000", "9".repeat(400), "NaN"])(
    "are whole seconds, and not %j, signed as it may be",
    async (timestamp) => {
      expect(await takes(define(), timestamp)).toBe(false);
    },
  );
});

function flipBit(bytes: Uint8Array, position: number): Buffer {
  const flipped = Buffer.from(bytes);
  const at = Math.floor(position / 8) % flipped.length;
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (position % 8));
  return flipped;
}

function given(tolerance: number | undefined): { tolerance?: number } {
  return tolerance === undefined ? {} : { tolerance };
}
