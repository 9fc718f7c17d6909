import type { OnLimit } from "../limits.ts";

/** What one request's body takes of the memory that all bodies share. */
export interface BodyShare {
  /** Takes room for a piece. False if there is none: the request is to be refused. */
  take(bytes: number): boolean;
  /** Gives all of it back, once the request is answered. */
  close(): void;
}

/** Opens the share of one request. */
export type BodyBudget = () => BodyShare;

/** Bounds the bytes of all bodies that are in hand, so that many large requests, each within its bound, do not add up to too much. */
export function createBodyBudget(maxBytes: number, onLimit: OnLimit): BodyBudget {
  let held = 0;
  return () => {
    let own = 0;
    return {
      take(bytes) {
        if (held + bytes > maxBytes) {
          onLimit("body_bytes");
          return false;
        }
        held += bytes;
        own += bytes;
        return true;
      },
      close() {
        held -= own;
        own = 0;
      },
    };
  };
}
