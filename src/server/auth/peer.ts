import { createContextKey } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import { type Principal, principalPattern, type Role } from "./principal.ts";

/** The other end of a connection, as TLS has proved it. */
export interface Peer {
  /** Its certificate, which a certificate authority of this server's has signed, and whose time had not passed then. */
  certificate: {
    /** The distinguished name, an attribute a line, as in `CN=worker\nO=Example`: the `subject` of Node's X509Certificate. */
    subject: string;
    /** The subject alternative names, as in `URI:spiffe://example.org/worker` and `DNS:worker.example.org`. */
    sans: readonly string[];
    /** The SHA-256 of the certificate, in pairs of hexadecimal digits with colons between. */
    fingerprint256: string;
    /** Until when it is good. */
    expireTime: Millis;
  };
  /** Aborts with CREDENTIALS_INVALID when the certificate is revoked. Absent where none is. */
  revoked?: AbortSignal;
}

/** A request that may have come over mutual TLS. */
export interface PeerRequest extends UniversalServerRequest {
  peer?: Peer;
}

/** The peer of a call's connection. Absent without mutual TLS. */
export const peerKey = createContextKey<Peer | undefined>(undefined, { description: "the caller's peer" });

/** Which names of certificates have more than the role of a client. */
export interface PeerRoles {
  admins?: readonly string[];
  agents?: readonly string[];
}

/**
 * Tells whom a certificate is for: its one URI among the subject alternative names (as SPIFFE has it), or else its common name. Throws
 * CREDENTIALS_INVALID if it has neither, or one that is no principal's name.
 */
export function peerPrincipal({ certificate: { subject, sans } }: Peer, roles: PeerRoles = {}): Principal {
  const uris = sans.flatMap((san) => (san.startsWith("URI:") ? [san.slice(4)] : []));
  const names = subject
    .split("\n")
    .flatMap((line) => (line.startsWith("CN=") ? [line.slice(3)] : []))
    // A plus sign is escaped (RFC 4514): unescaped, it stands between blanks, and two names.
    .map((name) => name.replaceAll("\\+", "+"));
  const [id, ...others] = uris.length > 0 ? uris : names;
  if (id === undefined || others.length > 0 || !principalPattern.test(id)) {
    const message =
      "the client certificate must have one URI, or else one common name, that is a principal's name";
    throw new TaskError("CREDENTIALS_INVALID", message);
  }
  return { id, role: roleOf(id, roles) };
}

function roleOf(id: string, { admins = [], agents = [] }: PeerRoles): Role {
  if (admins.includes(id)) return "admin";
  return agents.includes(id) ? "agent" : "client";
}
