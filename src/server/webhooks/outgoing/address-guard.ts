import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { TaskError } from "../../errors.ts";
import { isForbidden } from "./forbidden-addresses.ts";

/**
 * Finds all addresses of a host's name. Rejects if there are none; with a `code` of those that say that whether there are some cannot be told
 * now, such as EAI_AGAIN, the name may be asked for again.
 */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface AddressGuardOptions {
  /** Whether `http:` and addresses that are private, loopback and the like may be called, too. */
  allowPrivateAddresses: boolean;
  resolve: Resolve;
}

/** Where a URL leads: the addresses that were checked, at least one, and no others are to be called. */
export interface Target {
  url: URL;
  addresses: readonly string[];
}

/** Decides which URLs the server calls. */
export interface AddressGuard {
  /**
   * Checks a URL and all addresses that its host has now. Nothing is sent to any of them. Rejects with URL_FORBIDDEN, or HOST_UNRESOLVED.
   */
  check(url: string): Promise<Target>;
}

/** Names that never lead out, whatever they resolve to. */
const privateNames = /^(.*\.)?(localhost|local|internal|home\.arpa)\.?$/;

/** What the system's resolver and those of DNS say when they have not heard whether there is such a name. */
const temporary: readonly unknown[] = ["EAI_AGAIN", "ESERVFAIL", "ETIMEOUT", "ETIMEDOUT", "ECONNREFUSED"];

export const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

export function createAddressGuard({ allowPrivateAddresses, resolve }: AddressGuardOptions): AddressGuard {
  return {
    async check(text) {
      const url = parse(text);
      const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
      if (!allowPrivateAddresses && privateNames.test(host)) throw forbidden(`${host} is a private name`);
      const addresses = isIP(host) === 0 ? await find(host) : [host];
      if (addresses.length === 0) throw forbidden(`${host} has no address`);
      // One that is forbidden is enough: which of them is called is not ours to choose.
      const wrong = allowPrivateAddresses ? undefined : addresses.find(isForbidden);
      if (wrong !== undefined) throw forbidden("it leads to an address that the server does not call");
      return { url, addresses };
    },
  };

  async function find(host: string): Promise<readonly string[]> {
    try {
      return await resolve(host);
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
      if (temporary.includes(code)) {
        const message = `url: ${host} cannot be resolved now (${code})`;
        throw new TaskError("HOST_UNRESOLVED", message, { retryAfter: 1000 }, { cause });
      }
      throw forbidden(`${host} cannot be resolved${code === undefined ? "" : ` (${code})`}`, cause);
    }
  }

  function parse(text: string): URL {
    const url = URL.parse(text);
    if (url === null) throw forbidden("it is no absolute URL");
    if (url.protocol !== "https:" && !(allowPrivateAddresses && url.protocol === "http:")) {
      throw forbidden(allowPrivateAddresses ? "must be http: or https:" : "must be https:");
    }
    if (url.username !== "" || url.password !== "") throw forbidden("must have no user and no password");
    return url;
  }
}

function forbidden(description: string, cause?: unknown): TaskError {
  const details = { fields: [{ field: "url", description }] };
  return new TaskError("URL_FORBIDDEN", `url: ${description}`, details, { cause });
}
