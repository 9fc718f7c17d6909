import type { AcceptWork } from "../mailbox/mailbox.ts";
import type { Millis } from "../store/records.ts";

/**
 * The seam to whoever runs turns: this process, or a cluster.
 *
 * What it may rely on: the store knows what is due, tells when something becomes so, and fences what is over. What others rely on: every
 * turn that is due is started, and every timer that is due fires, as long as an engine that has the agent lives; the turn of a task that
 * was stopped learns it at once, and the next begins when its handler has settled or its grace has passed; tasks do not wait for each
 * other (G2, G5).
 */
export interface Engine {
  /** Finds every task with work, also that of engines that are gone, and goes on with it. Resolves when it has begun. */
  start(): Promise<void>;
  /** Has this engine run what is started with it, if it has room and is not busy with the task. */
  accept: AcceptWork;
  /**
   * Starts no more turns, and lets those that run finish. After `deadline` ms it aborts their signals; a turn that then does not settle
   * within its agent's `cancelGrace` is given back to the mailbox, to be run again. Resolves when none runs.
   */
  stop(deadline: Millis): Promise<void>;
}
