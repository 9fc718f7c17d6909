import { createHmac } from "node:crypto";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import {
  githubSignature,
  type HmacSignatureOptions,
  hmacSignature,
  slackSignature,
  standardWebhooksSignature,
  type VerifyWebhook,
} from "../src/server/index.ts";
import { cpuTime } from "./cpu-time.ts";
import { judge, now } from "./webhooks-judge.ts";
import { githubSecret, slackHeaders, slackSecret, standardSecret } from "./webhooks-signed.ts";
import "./property-seed.ts";

describe("the verifiers know what the providers' documentation shows", () => {
  it("GitHub's", async () => {
    const headers = {
      "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
      "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    };
    expect(await judge(githubSignature({ secret: githubSecret }), headers, "Hello, World!")).toEqual({
      deliveryId: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    });
  });

  it("Slack's", async () => {
    const signature = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const headers = { "X-Slack-Signature": `v0=${signature}`, "X-Slack-Request-Timestamp": "1531420618" };
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&" +
      "channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&" +
      "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F" +
      "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const verify = slackSignature({ signingSecret: slackSecret });
    expect(await judge(verify, headers, body, 1531420618_000)).toEqual({
      deliveryId: `signature ${signature}`,
    });
    expect(await judge(verify, headers, body)).toBe("SIGNATURE_INVALID");
  });

  it("that of Standard Webhooks", async () => {
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const verify = standardWebhooksSignature({ secret: standardSecret });
    expect(await judge(verify, headers, '{"test": 2432232314}', 1614265330_000)).toEqual({
      deliveryId: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    });
  });

  it.each<[NonNullable<HmacSignatureOptions["algorithm"]>, string]>([
    ["sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
    ["sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
    [
      "sha384",
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    ],
    [
      "sha512",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ],
  ])("that of RFC 2202 and RFC 4231 with %s, however it is written", async (algorithm, hex) => {
    const body = "what do ya want for nothing?";
    for (const encoding of ["hex", "base64", "base64url"] as const) {
      const verify = hmacSignature({ secret: "Jefe", header: "X-Sign", algorithm, encoding, prefix: "p " });
      const signature = Buffer.from(hex, "hex").toString(encoding);
      expect(await judge(verify, { "x-sign": `p ${signature}` }, body)).toEqual({ deliveryId: undefined });
      expect(await judge(verify, { "x-sign": signature }, body)).toBe("SIGNATURE_INVALID");
    }
  });
});

describe("Standard Webhooks", () => {
  const sign = (secret: string, id: string, time: number, body: string) =>
    new Webhook(secret).sign(id, new Date(time), body);
  const ids = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
  const secrets = fc.uint8Array({ minLength: 24, maxLength: 64 }).map((bytes) => {
    return `whsec_${Buffer.from(bytes).toString("base64")}`;
  });

  it("are verified as their own library signs them, for any secret, id and body", async () => {
    const bodies = fc.string({ unit: "grapheme" });
    await fc.assert(
      fc.asyncProperty(secrets, ids, bodies, async (secret, id, body) => {
        const headers = {
          "webhook-id": id,
          "webhook-timestamp": String(now / 1000),
          "webhook-signature": sign(secret, id, now, body),
        };
        expect(await judge(standardWebhooksSignature({ secret }), headers, body)).toEqual({ deliveryId: id });
      }),
    );
  });

  it("may have several signatures, of which one of a version that is known must hold", async () => {
    const verify = standardWebhooksSignature({ secret: standardSecret });
    const right = sign(standardSecret, "m", now, "hi");
    const other = sign("whsec_c2VjcmV0LW9mLWEtcm90YXRlZC1lbmRwb2ludA==", "m", now, "hi");
    const judged = async (signature: string) => {
      const headers = {
        "webhook-id": "m",
        "webhook-timestamp": String(now / 1000),
        "webhook-signature": signature,
      };
      return judge(verify, headers, "hi");
    };
    for (const header of [right, `${other} ${right}`, `v1a,AAAA ${right} v2,x`, `  ${right}  `]) {
      expect(await judged(header)).toEqual({ deliveryId: "m" });
    }
    for (const header of [
      other,
      right.replace("v1", "v1a"),
      right.replace("v1", "v2"),
      right.replace("v1,", ""),
      right.replace("=", ""),
      `${right}=`,
      `${right},${right}`,
      "v1,",
      "v1",
      ",",
    ]) {
      expect(await judged(header)).toBe("SIGNATURE_INVALID");
    }
  });

  it("cost a stranger's body once, however many signatures stand in the header", async () => {
    const body = Buffer.alloc(4 * 1024 * 1024);
    const headers = {
      "webhook-id": "m",
      "webhook-timestamp": String(now / 1000),
      "webhook-signature": "v1,a ".repeat(3000),
    };
    const spent = await cpuTime(async () => {
      const verdict = await judge(standardWebhooksSignature({ secret: standardSecret }), headers, body);
      expect(verdict).toBe("SIGNATURE_INVALID");
    });
    // An HMAC of the body for each of them takes more than ten seconds.
    expect(spent).toBeLessThan(2000);
  });
});

describe("Slack's deliveries", () => {
  const verify = slackSignature({ signingSecret: slackSecret });
  const judged = (body: string) => judge(verify, slackHeaders(body, String(now / 1000)), body);

  it("are known by the id of their event, which a repetition has again at another time", async () => {
    const body = '{"type":"event_callback","event_id":"Ev0PV52K21"}';
    for (const time of [now, now + 60_000]) {
      expect(await judge(verify, slackHeaders(body, String(time / 1000)), body, time)).toEqual({
        deliveryId: "Ev0PV52K21",
      });
    }
  });

  it("are known by their signature where they have no event", async () => {
    const command = await judged("command=%2Fdeploy&trigger_id=1");
    expect(command).toEqual({ deliveryId: expect.stringMatching(/^signature [0-9a-f]{64}$/) });
    expect(await judged("command=%2Fdeploy&trigger_id=2")).not.toEqual(command);
    for (const body of ["", "{", "{}", '{"event_id":7}', '{"type":"url_verification"}', "[1]", "null"]) {
      expect(await judged(body)).toEqual({ deliveryId: expect.stringMatching(/^signature /) });
    }
  });

  it("ask for a challenge once, to verify the URL", async () => {
    const body = '{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595","type":"url_verification"}';
    expect(await judged(body)).toEqual({ challenge: "3eZbrw1aBm2rZgRNFdxV2595" });
  });
});

describe("a verifier without a good secret", () => {
  it.each<[string, (secret: string | string[]) => VerifyWebhook]>([
    ["githubSignature", (secret) => githubSignature({ secret })],
    ["slackSignature", (signingSecret) => slackSignature({ signingSecret })],
    ["standardWebhooksSignature", (secret) => standardWebhooksSignature({ secret })],
    ["hmacSignature", (secret) => hmacSignature({ secret, header: "x-sign" })],
  ])("cannot be made by %s", (_, define) => {
    // As in `process.env.SECRET` that is not set, in plain JavaScript.
    const unset: { secret: string } = Object.assign({ secret: "" }, { secret: undefined });
    for (const secret of ["", [], [""], ["c2VjcmV0", ""], unset.secret, [unset.secret]]) {
      expect(() => define(secret)).toThrow(expect.objectContaining({ reason: "VALUE_INVALID" }));
    }
  });

  it("is none of Standard Webhooks if it is not base64, which it does not repeat", () => {
    for (const secret of ["whsec_", "whsec_hunter2!", "whsec_aGk=aGk=", "not base64"]) {
      const define = () => standardWebhooksSignature({ secret });
      expect(define).toThrow(expect.objectContaining({ reason: "VALUE_INVALID" }));
      expect(define).toThrow(expect.not.objectContaining({ message: expect.stringContaining("hunter2") }));
    }
  });
});

describe("hmacSignature", () => {
  it("takes the id of the delivery from the header that it is told", async () => {
    const verify = hmacSignature({ secret: "s", header: "x-sign", deliveryIdHeader: "X-Id" });
    const sign = createHmac("sha256", "s").update("x").digest("hex");
    expect(await judge(verify, { "x-sign": sign, "x-id": "7" }, "x")).toEqual({ deliveryId: "7" });
    expect(await judge(verify, { "x-sign": sign }, "x")).toEqual({ deliveryId: undefined });
  });

  it.each([
    { header: "" },
    { header: "not a header" },
    { deliveryIdHeader: "a:b" },
    { algorithm: "md5" },
    { encoding: "utf8" },
  ])("cannot be made with %j", (wrong) => {
    const options = Object.assign({ secret: "s", header: "x-sign" }, wrong);
    expect(() => hmacSignature(options)).toThrow(expect.objectContaining({ reason: "VALUE_INVALID" }));
  });
});
