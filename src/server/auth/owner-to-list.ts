import type { Caller } from "./principal.ts";

/**
 * Gives the filter of a list that a caller asks for: whose things it shows, all that the caller sees if it does not say; `none` if it asks
 * for another's, of which it sees none.
 */
export function ownerToList({ owner }: Caller, asked: string): { owner?: string } | "none" {
  if (asked === "") return owner === undefined ? {} : { owner };
  return owner === undefined || owner === asked ? { owner: asked } : "none";
}
