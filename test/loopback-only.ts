// Keeps what the tests send on this machine: a connection to elsewhere, and the look-up of a name that is not this machine's, fails where
// it is made, and fails the test. Child processes are bound by it only if they load it.
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { BlockList, isIP, Socket } from "node:net";
import { constants } from "node:os";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
// A connection to no address in particular is one to this machine.
loopback.addAddress("0.0.0.0", "ipv4");
loopback.addAddress("::", "ipv6");

const attempts: string[] = [];

/** Gives what was tried to reach elsewhere since the last call. */
export function takeAttempts(): string[] {
  return attempts.splice(0);
}

/** Tells whether an address, or a name, is this machine's, and notes it if it is not. */
function isHere(what: string, address: string): boolean {
  const family = isIP(address);
  const here =
    family === 0
      ? /^(localhost|.*\.localhost)$/.test(address)
      : loopback.check(address, family === 6 ? "ipv6" : "ipv4");
  if (!here) attempts.push(`${what} ${address}`);
  return here;
}

const watched = new WeakSet<Socket>();
const { connect } = Socket.prototype;
Object.assign(Socket.prototype, {
  /** Names are looked up before they are connected to: what counts is the address, which the socket tells when it tries it. */
  connect(this: Socket, ...args: Parameters<typeof connect>): Socket {
    if (!watched.has(this)) {
      watched.add(this);
      this.prependListener("connectionAttempt", (address: string) => {
        if (!isHere("connect to", address)) makeUnreachable(this);
      });
    }
    return connect.apply(this, args);
  },
});

/** Lets what the socket is about to ask of the system fail as without a route. */
function makeUnreachable(socket: Socket): void {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null)
    throw new Error("this version of Node has other sockets");
  const fail = () => -constants.errno.ENETUNREACH;
  Object.assign(handle, { connect: fail, connect6: fail });
}

const { lookup } = dns;
const lookupAsync = dns.promises.lookup;
Object.assign(dns, {
  lookup(...args: Parameters<typeof lookup>) {
    requireHere(args[0]);
    return lookup(...args);
  },
});
Object.assign(dns.promises, {
  async lookup(...args: Parameters<typeof lookupAsync>) {
    requireHere(args[0]);
    return lookupAsync(...args);
  },
});
syncBuiltinESMExports();

function requireHere(name: string): void {
  if (isHere("look up", name)) return;
  throw Object.assign(new Error(`tests stay on loopback, and ask for no ${name}`), { code: "ENOTFOUND" });
}
