import { conversing } from "./conversing.ts";
import type { ClientFact } from "./fact.ts";
import { retrying } from "./retrying.ts";
import { subscribing } from "./subscribing.ts";

/** The client's contract: what it promises, in Node and in a page, over every protocol. */
export const clientContract: Readonly<Record<string, readonly ClientFact[]>> = {
  "a client": conversing,
  "a call that changes something": retrying,
  "a subscription": subscribing,
};
