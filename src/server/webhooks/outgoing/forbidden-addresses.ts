import { BlockList, isIP } from "node:net";

/** IPv4 networks that are nobody's, or not to be called: private, loopback, link-local, shared, documentation, multicast, reserved. */
const forbiddenIpv4: readonly [network: string, prefix: number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** Of IPv6 only global unicast may be called, and of that not what is for protocols, documentation, Teredo and 6to4. */
const globalIpv6: readonly [network: string, prefix: number] = ["2000::", 3];
const forbiddenIpv6: readonly [network: string, prefix: number][] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

/** What a network of IPv6 alone uses to reach IPv4 (RFC 6052): the last 32 bits are the address that is called. */
const nat64: readonly [network: string, prefix: number] = ["64:ff9b::", 96];

const forbidden4 = new BlockList();
for (const [network, prefix] of forbiddenIpv4) forbidden4.addSubnet(network, prefix, "ipv4");
const forbidden6 = new BlockList();
for (const [network, prefix] of forbiddenIpv6) forbidden6.addSubnet(network, prefix, "ipv6");
const global6 = new BlockList();
global6.addSubnet(...globalIpv6, "ipv6");
const translated = new BlockList();
translated.addSubnet(...nat64, "ipv6");

/** Tells whether an address is one that a stranger's URL must not lead to. Whatever is no address is. */
export function isForbidden(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return forbidden4.check(address, "ipv4");
  // A zone names an interface of this machine, which only a link-local address has.
  if (family !== 6 || address.includes("%")) return true;
  if (translated.check(address, "ipv6")) return forbidden4.check(lastFourBytes(address), "ipv4");
  return !global6.check(address, "ipv6") || forbidden6.check(address, "ipv6");
}

/** Gives the last 32 bits of an IPv6 address as an IPv4 address. */
function lastFourBytes(address: string): string {
  // The URL parser writes every address in hexadecimal groups, without leading zeros.
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const tail = (groups.at(-1) ?? "").split(":").filter((group) => group !== "");
  const [high = "0", low = "0"] = ["0", "0", ...tail].slice(-2);
  const bytes = [high, low].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join(".");
}
