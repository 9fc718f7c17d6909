/** Who is at the other end of a connection, as far as the connection itself proves it. */
export interface Peer {
  certificate: PeerCertificate;
}

/** What a client's certificate says, once its chain has been verified against the client CA. */
export interface PeerCertificate {
  /** The distinguished name, as in `CN=agent-7,O=Example`. */
  subject: string;
  /** The subject alternative names, as in `DNS:a.example` and `URI:spiffe://example/agent`. */
  sans: string[];
  /** SHA-256 of the certificate, in upper-case hex with colons. */
  fingerprint256: string;
}
