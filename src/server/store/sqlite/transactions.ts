import { appendOutput } from "./append-output.ts";
import { cancelTask } from "./cancel-task.ts";
import { createTask } from "./create-task.ts";
import { commitTurn, failTurn } from "./end-turn.ts";
import {
  countAgent,
  dueTasks,
  getState,
  getTask,
  listEvents,
  listMessages,
  listTasks,
  putAgents,
  readLog,
} from "./reads.ts";
import { sendEvent } from "./send-event.ts";
import { startTurn } from "./start-turn.ts";

/** The transactions that write, by the names of the Store's methods. */
export const writes = {
  putAgents,
  createTask,
  sendEvent,
  cancelTask,
  startTurn,
  appendOutput,
  commitTurn,
  failTurn,
};

/** The transactions that only read. */
export const reads = {
  dueTasks,
  getTask,
  listTasks,
  listEvents,
  listMessages,
  getState,
  readLog,
  countAgent,
};

export const transactions = { ...writes, ...reads };
export type TransactionName = keyof typeof transactions;
export type Transactions = typeof transactions;
