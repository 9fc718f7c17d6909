import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setDefaultCACertificates } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { clientCertificate, trustAuthorities } from "../src/cli/tls-client.ts";
import { findTlsFault } from "../src/cli/tls-fault.ts";
import { openCertificates } from "../src/server/http/index.ts";
import type { TlsFiles } from "../src/server/index.ts";
import { type Rig, startRig } from "./http-rig.ts";
import { tempDir } from "./temp-dir.ts";
import { createAuthority, type Pair } from "./tls-files.ts";

/** Serves with TLS of these files, or without, until the test is over. */
async function start(files?: TlsFiles): Promise<Rig["address"]> {
  const log = { info() {}, warn() {}, error() {} };
  const tls = files && (await openCertificates(files, log));
  onTestFinished(() => tls?.close());
  const rig = await startRig(tls && { tls });
  onTestFinished(() => rig.close(0));
  return rig.address;
}

/** Finds what is wrong for a client that trusts the authority, and may show a certificate. */
function find(url: string, shown?: Pair): Promise<string | undefined> {
  return findTlsFault(url, shown && clientCertificate(shown));
}

describe("what keeps a client from a server that speaks TLS", () => {
  it("is told with the option that is wrong", async () => {
    const authority = createAuthority(tempDir());
    const { url, port } = await start(authority.issue("server", "/CN=server", "IP:127.0.0.1"));
    expect(await find(url)).toMatch(/^no authority .*\(UNABLE_TO_VERIFY_LEAF_SIGNATURE\): --ca must name/);
    const junk = join(tempDir(), "junk.pem");
    writeFileSync(junk, "no certificate");
    expect(() => trustAuthorities({ ca: junk })).toThrow(/^--ca is no file of certificates in PEM: /);
    trustAuthorities({ ca: authority.cert });
    expect(await find(url)).toBeUndefined();
    const named = `localhost:${port}`;
    expect(await find(`https://${named}`)).toBe(
      "its certificate is not for localhost: --server must have one of its names, IP Address:127.0.0.1",
    );
    expect(await find(`http://${named}`)).toBe(`it speaks TLS: --server must be https://${named}`);
    const plain = await start();
    expect(await find(plain.url)).toBeUndefined();
    const secure = plain.url.replace("http:", "https:");
    expect(await find(secure)).toBe(`it speaks no TLS: --server must be ${plain.url}`);
    expect(await find("https://127.0.0.1:1")).toBeUndefined();
  });

  it("is told of its own certificate, as far as the server says", async () => {
    const folder = tempDir();
    const authority = createAuthority(folder);
    const issue = (name: string, days?: number) => authority.issue(name, `/CN=${name}`, "IP:127.0.0.1", days);
    const [client, revoked, late] = [issue("client"), issue("revoked"), issue("late", -1)];
    const stranger = createAuthority(folder, "other").issue("stranger", "/CN=stranger", "DNS:stranger");
    const clientCrl = authority.revoke(revoked.cert);
    const { url } = await start({ ...issue("server"), clientCa: authority.cert, clientCrl });
    setDefaultCACertificates([readFileSync(authority.cert, "utf8")]);
    expect(await find(url, client)).toBeUndefined();
    expect(await find(url)).toMatch(/^it takes only clients that show a certificate: --cert and --key/);
    for (const shown of [revoked, stranger])
      expect(await find(url, shown)).toMatch(
        /^it hangs up on the certificate of --cert, which may be revoked, or/,
      );
    expect(await find(url, late)).toMatch(/^the certificate of --cert has expired, on /);
    const mixed = { cert: client.cert, key: revoked.key };
    expect(() => clientCertificate(mixed)).toThrow(/^--cert and --key are no certificate with its key: /);
  });
});
