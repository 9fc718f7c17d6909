import { describe, expect, it } from "vitest";
import { createAddressGuard } from "../src/server/webhooks/outgoing/index.ts";
import { errorOf } from "./store-contract/scene.ts";

/** A guard that knows these names, and what it was asked. */
function guardOf(names: Record<string, string[]> = {}, allowPrivateAddresses = false) {
  const asked: string[] = [];
  const guard = createAddressGuard({
    allowPrivateAddresses,
    async resolve(name) {
      asked.push(name);
      return names[name] ?? [];
    },
  });
  return { guard, asked };
}

const forbidden = [
  // IPv4, each range at its begin and end.
  "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255",
  "169.254.0.0 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255",
  "198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255",
  // IPv6: unspecified, loopback, mapped, compatible, local, link-local, site-local, multicast, discard, documentation.
  ":: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 ::8.8.8.8 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1 100::1",
  "2001:db8::1 3fff::1 5f00::1",
  // Teredo, ORCHID, 6to4, and NAT64 to what is forbidden, or local.
  "2001::1 2001:10::1 2002:7f00:1::1 2002:808:808::1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:: 64:ff9b:1::808:808",
].flatMap((line) => line.split(" "));

const allowed =
  "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.167.255.255 198.17.255.255 223.255.255.255 2606:4700::1111 2a00::1 64:ff9b::808:808".split(
    " ",
  );

describe("an address", () => {
  it.each(forbidden)("is refused, in the URL and behind a name: %s", async (address) => {
    const { guard, asked } = guardOf({ "example.com": ["8.8.8.8", address] });
    const host = address.includes(":") ? `[${address}]` : address;
    for (const url of [`https://${host}/`, `https://${host}:8443/x`, "https://example.com/"]) {
      const error = await errorOf(guard.check(url));
      expect([error.reason, error.details.fields?.[0]?.field]).toEqual(["URL_FORBIDDEN", "url"]);
    }
    expect(asked).toEqual(["example.com"]);
    expect((await guardOf({}, true).guard.check(`http://${host}/`)).addresses).toHaveLength(1);
  });

  it.each(allowed)("may be called: %s", async (address) => {
    const { guard } = guardOf({ "example.com": [address, "1.0.0.1"] });
    const host = address.includes(":") ? `[${address}]` : address;
    expect((await guard.check(`https://${host}/`)).addresses).toHaveLength(1);
    expect((await guard.check("https://example.com/")).addresses).toEqual([address, "1.0.0.1"]);
  });

  it.each(["fe80::1%eth0", "2606:4700::1%eth0", "nonsense", ""])(
    "is refused if it is none: %j",
    async (address) => {
      const { guard } = guardOf({ "example.com": [address] });
      expect((await errorOf(guard.check("https://example.com/"))).reason).toBe("URL_FORBIDDEN");
    },
  );
});

describe("a URL", () => {
  it.each([
    // Spellings of 127.0.0.1 and 10.0.0.1.
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://167772161/",
    "https://127.0.0.1./",
    "https://１２７.0.0.1/",
    "https://[::ffff:7f00:1]/",
    // Names that lead inside.
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://ⓛocalhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.home.arpa/",
    // Other schemes, credentials, no URL.
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "https://user@example.com/",
    "https://:secret@example.com/",
    "example.com",
    "/path",
    "https://",
    "",
  ])("is refused without asking for its name: %s", async (url) => {
    const { guard, asked } = guardOf({ "example.com": ["8.8.8.8"] });
    const error = await errorOf(guard.check(url));
    expect([error.reason, error.details.fields?.[0]?.field]).toEqual(["URL_FORBIDDEN", "url"]);
    expect(asked).toEqual([]);
  });

  it("of a name without an address is refused", async () => {
    expect((await errorOf(guardOf().guard.check("https://example.com/"))).reason).toBe("URL_FORBIDDEN");
  });

  it.each(["EAI_AGAIN", "ESERVFAIL", "ETIMEOUT"])(
    "of a name that cannot be looked up now may be one to call: %s",
    async (code) => {
      const resolve = () =>
        Promise.reject(Object.assign(new Error("the resolver does not answer"), { code }));
      for (const allowPrivateAddresses of [false, true]) {
        const guard = createAddressGuard({ allowPrivateAddresses, resolve });
        const error = await errorOf(guard.check("https://example.com/"));
        expect([error.reason, error.message]).toEqual(["HOST_UNRESOLVED", expect.stringContaining(code)]);
      }
    },
  );

  it.each(["ENOTFOUND", "ENODATA", undefined])("of a name that there is not is refused: %s", async (code) => {
    const resolve = () => Promise.reject(Object.assign(new Error("there is none"), { code }));
    const guard = createAddressGuard({ allowPrivateAddresses: true, resolve });
    expect((await errorOf(guard.check("https://example.com/"))).reason).toBe("URL_FORBIDDEN");
  });

  it("may be http: where private addresses are allowed, but no other scheme", async () => {
    const { guard } = guardOf({ localhost: ["127.0.0.1"] }, true);
    expect((await guard.check("http://localhost:1/")).addresses).toEqual(["127.0.0.1"]);
    for (const url of ["ftp://localhost/", "http://user@localhost/"]) {
      expect((await errorOf(guard.check(url))).reason).toBe("URL_FORBIDDEN");
    }
  });
});
