import type { OnLimit } from "../limits.ts";

/** What one connection has not read of its answers. */
export interface UnreadAnswers {
  /** Notes an answer that is there. */
  hold(bytes: number): void;
  /** Notes that it has been read, or will not be. */
  release(bytes: number): void;
}

/** Opens the account of a connection, which `cutOff` ends. */
export type AnswerBudget = (cutOff: () => void) => UnreadAnswers;

interface Account {
  bytes: number;
  isCut: boolean;
  cutOff: () => void;
}

/**
 * Bounds the bytes of all answers that are there and not read yet. It is too late to refuse one: what was asked for is done. So the
 * connection that leaves the most unread is cut off where there is no room, and what others have asked for is not touched.
 */
export function createAnswerBudget(maxBytes: number, onLimit: OnLimit): AnswerBudget {
  let held = 0;
  /** Those that have something to read. */
  const accounts = new Set<Account>();

  function change(account: Account, bytes: number): void {
    held += bytes;
    account.bytes += bytes;
    if (account.bytes > 0) accounts.add(account);
    else accounts.delete(account);
  }

  function cutLargest(): void {
    const [largest] = [...accounts].sort((a, b) => b.bytes - a.bytes);
    if (largest === undefined) return;
    largest.isCut = true;
    change(largest, -largest.bytes);
    onLimit("answer_bytes");
    largest.cutOff();
  }

  return (cutOff) => {
    const account: Account = { bytes: 0, isCut: false, cutOff };
    return {
      hold(bytes) {
        if (account.isCut) return;
        change(account, bytes);
        while (held > maxBytes) cutLargest();
      },
      release(bytes) {
        if (!account.isCut) change(account, -bytes);
      },
    };
  };
}
