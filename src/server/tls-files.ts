/** The files, in PEM, that TLS is made of. */
export interface TlsFiles {
  /** The server's certificate, followed by those between it and its root. */
  cert: string;
  /** The certificate's private key, without a passphrase. */
  key: string;
  /** The certificates by which those of clients are verified. With it, a client without one is not let in. */
  clientCa?: string;
  /** Which certificates of clients these have revoked: a list (RFC 5280) of each authority between a client's certificate and its root. */
  clientCrl?: string;
}
