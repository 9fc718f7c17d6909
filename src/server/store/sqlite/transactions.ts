import { appendOutput } from "./append-output.ts";
import { cancelEvent } from "./cancel-event.ts";
import { cancelTask } from "./cancel-task.ts";
import { createTask } from "./create-task.ts";
import { declareSchedules } from "./declare-schedules.ts";
import { deleteTask } from "./delete-task.ts";
import { commitTurn, failTurn } from "./end-turn.ts";
import { countEvents, oldestWaiting } from "./figures.ts";
import { fireSchedule, triggerSchedule } from "./fire-schedule.ts";
import { fireTimers } from "./fire-timers.ts";
import { interruptTask } from "./interrupt-task.ts";
import { listTasks } from "./list-tasks.ts";
import { putAgents } from "./policies.ts";
import {
  countAgent,
  countUnfinished,
  dueTasks,
  getState,
  getTask,
  listEvents,
  listMessages,
  peekEvents,
  readLog,
} from "./reads.ts";
import { recoverTurns } from "./recover-turns.ts";
import { redriveEvents } from "./redrive-events.ts";
import {
  createSchedule,
  deleteSchedule,
  dueSchedules,
  getSchedule,
  listSchedules,
  pauseSchedule,
  resumeSchedule,
} from "./schedules.ts";
import { sendEvent } from "./send-event.ts";
import { startTurn } from "./start-turn.ts";
import { getStateAt, listStates } from "./state-history.ts";
import { takeEvents } from "./take-events.ts";
import { createToken, listTokens, readTokens, revokeToken, signingKey } from "./tokens.ts";
import { dueDeliveries, nextDelivery, settleDelivery } from "./webhook-deliveries.ts";
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  pauseWebhook,
  resumeWebhook,
} from "./webhooks.ts";

/** The transactions that write, by the names of the Store's methods. */
export const writes = {
  putAgents,
  createTask,
  sendEvent,
  cancelEvent,
  redriveEvents,
  interruptTask,
  cancelTask,
  deleteTask,
  startTurn,
  recoverTurns,
  takeEvents,
  appendOutput,
  commitTurn,
  failTurn,
  fireTimers,
  createSchedule,
  pauseSchedule,
  resumeSchedule,
  deleteSchedule,
  declareSchedules,
  fireSchedule,
  triggerSchedule,
  createWebhook,
  pauseWebhook,
  resumeWebhook,
  deleteWebhook,
  settleDelivery,
  createToken,
  revokeToken,
  signingKey,
};

/** The transactions that only read. */
export const reads = {
  dueTasks,
  getTask,
  listTasks,
  peekEvents,
  listEvents,
  listMessages,
  getState,
  getStateAt,
  listStates,
  readLog,
  countAgent,
  countEvents,
  oldestWaiting,
  countUnfinished,
  getSchedule,
  listSchedules,
  dueSchedules,
  getWebhook,
  listWebhooks,
  dueDeliveries,
  nextDelivery,
  listTokens,
  readTokens,
};

export const transactions = { ...writes, ...reads };
export type TransactionName = keyof typeof transactions;
export type Transactions = typeof transactions;
