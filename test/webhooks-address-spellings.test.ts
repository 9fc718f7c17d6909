import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAddressGuard } from "../src/server/webhooks/outgoing/index.ts";
import { errorOf } from "./store-contract/scene.ts";

/** A guard that no name may be asked of: what is spelled out is to be known without. */
const guard = createAddressGuard({
  allowPrivateAddresses: false,
  resolve: (name) => Promise.reject(new Error(`asked for ${name}`)),
});

/** Networks that lead inside. The last byte, or the last three, are anything. */
const inside = fc.oneof(
  fc.tuple(fc.constantFrom(0, 10, 127), fc.nat(255), fc.nat(255), fc.nat(255)),
  fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
  fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
  fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), fc.nat(255), fc.nat(255)),
);

type Bytes = [number, number, number, number];
const numberOf = ([a, b, c, d]: Bytes) => ((a * 256 + b) * 256 + c) * 256 + d;
const hex = (...bytes: number[]) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
const groups = ([a, b, c, d]: Bytes) => `${hex(a, b)}:${hex(c, d)}`;

/** How an IPv4 address can be written in a URL, or be carried by one of IPv6. */
const spellings: Readonly<Record<string, (address: Bytes) => string>> = {
  "four numbers": (address) => address.join("."),
  "a dot at the end": (address) => `${address.join(".")}.`,
  "one number": (address) => `${numberOf(address)}`,
  hexadecimal: (address) => `0x${numberOf(address).toString(16)}`,
  octal: (address) => `0${numberOf(address).toString(8)}`,
  "numbers of all kinds": ([a, b, c, d]) => `0x${a.toString(16)}.0${b.toString(8)}.${c}.0X${d.toString(16)}`,
  "two numbers": ([a, b, c, d]) => `${a}.${(b * 256 + c) * 256 + d}`,
  "three numbers": ([a, b, c, d]) => `${a}.${b}.${c * 256 + d}`,
  "escaped digits": (address) => address.join(".").replace(/\d/g, (digit) => `%3${digit}`),
  "wide digits": (address) =>
    address.join("．").replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  "other dots": (address) => address.join("。"),
  "line breaks and tabs": (address) => address.join(".").replaceAll(".", "\n.\t"),
  "mapped into IPv6": (address) => `[::ffff:${address.join(".")}]`,
  "mapped, in groups": (address) => `[0:0:0:0:0:ffff:${groups(address)}]`,
  "compatible with IPv6": (address) => `[::${groups(address)}]`,
  NAT64: (address) => `[64:ff9b::${groups(address)}]`,
  "local NAT64": (address) => `[64:ff9b:1::${groups(address)}]`,
  "6to4": (address) => `[2002:${groups(address)}::1]`,
  Teredo: (address) => `[2001:0:808:808::${groups(address)}]`,
};

describe("an address that leads inside is refused, however it is written", () => {
  it.each(Object.entries(spellings))("%s", async (_, spell) => {
    await fc.assert(
      fc.asyncProperty(inside, fc.constantFrom("", ":443", ":8443", ":22"), async (address, port) => {
        const error = await errorOf(guard.check(`https://${spell(address)}${port}/x?y#z`));
        expect([error.reason, error.message]).toEqual([
          "URL_FORBIDDEN",
          expect.stringMatching(/does not call|no absolute URL/),
        ]);
      }),
      { numRuns: 50, seed: 1 },
    );
  });
});

describe("a URL leads where the address says, and not where it looks like", () => {
  it.each([
    ["https://8.8.8.8\\@127.0.0.1/", "8.8.8.8"],
    ["https://8.8.8.8#@127.0.0.1/", "8.8.8.8"],
    ["https://8.8.8.8/@127.0.0.1", "8.8.8.8"],
    ["https:8.8.8.8", "8.8.8.8"],
    ["https:\\\\8.8.8.8\\..\\127.0.0.1", "8.8.8.8"],
    ["  https://8.8.8.8/\n", "8.8.8.8"],
  ])("%j", async (url, address) => {
    const target = await guard.check(url);
    expect([target.addresses, target.url.hostname]).toEqual([[address], address]);
  });

  it.each(["https://8.8.8.8@127.0.0.1/", "https://127.0.0.1\\@8.8.8.8/", "https://127.0.0.1#@8.8.8.8/"])(
    "%j is refused",
    async (url) => {
      expect((await errorOf(guard.check(url))).reason).toBe("URL_FORBIDDEN");
    },
  );

  it("a name is asked for anew by every check, and called at what it was then", async () => {
    const answers = [["8.8.8.8"], ["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["1.1.1.1"]];
    const rebinding = createAddressGuard({
      allowPrivateAddresses: false,
      resolve: async () => answers.shift() ?? [],
    });
    const check = () => rebinding.check("https://a.example/");
    expect((await check()).addresses).toEqual(["8.8.8.8"]);
    expect((await errorOf(check())).reason).toBe("URL_FORBIDDEN");
    expect((await errorOf(check())).reason).toBe("URL_FORBIDDEN");
    expect((await check()).addresses).toEqual(["1.1.1.1"]);
    expect((await errorOf(check())).reason).toBe("URL_FORBIDDEN");
  });
});
