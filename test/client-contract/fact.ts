import type { Transport } from "@connectrpc/connect";
import type { Act, Scripted } from "./script.ts";

/** How a fact reaches its server: over a protocol, by the `fetch` that it names where the transport has one. */
export type Connect = (baseUrl: string, fetch?: typeof globalThis.fetch) => Transport;

/** Where a fact is found out: in Node or in a page, over one protocol. */
export interface Place {
  connect: Connect;
  /** The address of a Pigeonhole server with the scribe. */
  baseUrl: string;
  /** Has a server answer as a script says. Calls that the script does not foresee are answered. */
  script(acts: readonly Act[]): Promise<Scripted>;
}

/** Something that the client promises. What it comes to is data, so that a page can hand it back. */
export interface ClientFact {
  name: string;
  /** What must be found, wherever it is. */
  expected: unknown;
  find(place: Place): Promise<unknown>;
}
