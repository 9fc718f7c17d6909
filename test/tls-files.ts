import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate and its key, as files in PEM. */
export interface Pair {
  cert: string;
  key: string;
}

/** A certificate authority, made for a test with openssl. */
export interface Authority {
  /** Its own certificate. */
  readonly cert: string;
  /** Makes a pair that it vouches for. `names` are alternative names, such as `DNS:localhost`. */
  issue(name: string, subject: string, names: string, days?: number): Pair;
  /** Writes its list of what it has revoked, with these certificates added, and returns the path. */
  revoke(...certificates: string[]): string;
}

/** Makes an authority whose files, and those of all that it issues, are in a folder: a root, or one that another vouches for. */
export function createAuthority(folder: string, name = "ca", above?: Authority): Authority {
  const own = pairIn(folder, name);
  const subject = `/CN=${name}`;
  if (above === undefined)
    openssl("req", "-x509", ...newKey(own.key), "-out", own.cert, "-subj", subject, "-days", "2");
  else above.issue(name, subject, "DNS:ca.example\nbasicConstraints=critical,CA:TRUE");
  return {
    cert: own.cert,
    issue(name, subject, names, days = 2) {
      const pair = pairIn(folder, name);
      const request = join(folder, `${name}.csr`);
      const extensions = join(folder, `${name}.ext`);
      writeFileSync(extensions, `subjectAltName=${names}\n`);
      openssl("req", ...newKey(pair.key), "-out", request, "-subj", subject);
      const by = ["-CA", own.cert, "-CAkey", own.key, "-CAcreateserial"];
      const what = ["-in", request, "-out", pair.cert, "-extfile", extensions, "-days", String(days)];
      openssl("x509", "-req", ...what, ...by);
      return pair;
    },
    revoke(...certificates) {
      const [config, database] = [join(folder, `${name}.cnf`), join(folder, `${name}.txt`)];
      const list = join(folder, `${name}.crl`);
      if (!existsSync(database)) writeFileSync(database, "");
      writeFileSync(
        config,
        `[ca]\ndefault_ca=own\n[own]\ndatabase=${database}\ndefault_md=sha256\ndefault_crl_days=2\n`,
      );
      const by = ["ca", "-config", config, "-cert", own.cert, "-keyfile", own.key];
      for (const certificate of certificates) openssl(...by, "-revoke", certificate);
      openssl(...by, "-gencrl", "-out", list);
      return list;
    },
  };
}

/** Puts one pair in the place of another. */
export function replacePair(there: Pair, by: Pair): void {
  copyFileSync(by.key, there.key);
  copyFileSync(by.cert, there.cert);
}

function pairIn(folder: string, name: string): Pair {
  return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}

function newKey(path: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path];
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}
