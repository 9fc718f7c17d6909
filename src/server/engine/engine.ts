import type { Millis } from "../store/records.ts";

/**
 * The seam to whoever runs turns: this process, or a cluster.
 *
 * What it may rely on: the store knows what is due, and fences what is over. What others rely on: every turn that is due is started, as
 * long as an engine that has its agent lives; a task's turns run one after the other; tasks do not wait for each other (G2).
 */
export interface Engine {
  /** Finds every task with work, also that of engines that are gone, and goes on with it. Resolves when it has begun. */
  start(): Promise<void>;
  /** Tells that tasks may have work now. A hint: it saves the engine from finding out later. */
  wake(taskId: string): void;
  /** Tells that tasks were cancelled: their running turns are over, their handlers' signals abort at once (G5). */
  cancel(taskIds: readonly string[]): void;
  /**
   * Starts no more turns, and lets those that run finish. After `deadline` ms it aborts their signals; a turn that then does not settle
   * within its agent's `cancelGrace` is given back to the mailbox, to be run again. Resolves when none runs.
   */
  stop(deadline: Millis): Promise<void>;
}
