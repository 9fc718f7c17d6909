import type { ErrorDetails, Reason } from "../../errors.ts";
import type { Commit } from "../calls.ts";
import type { Measures } from "../store.ts";
import type { TransactionName } from "./transactions.ts";

/** What a worker thread is started with. */
export interface WorkerSetup {
  path: string;
  role: "writer" | "reader";
  /** Whether to tell what each transaction has done. */
  measured?: boolean;
}

/** A call of one transaction. */
export interface Call {
  name: TransactionName;
  args: unknown;
}

/** What became of a call. An error crosses the thread's border in parts. */
export type CallResult =
  | { value: unknown }
  | { reason: Reason; message: string; details: ErrorDetails; cause?: unknown };

/** The answer to a batch, after its commit: a result for each call, in their order, and what the commit has changed, if anything. */
export interface BatchResult {
  results: CallResult[];
  commit?: Commit;
  measures?: Measures;
}
