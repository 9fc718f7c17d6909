import { closeSync, existsSync, openSync, realpathSync, statSync } from "node:fs";
import type { Commit } from "../calls.ts";
import type { Measures, Store } from "../store.ts";
import { type Channel, openChannel } from "./channel.ts";
import { openDatabase, unavailable } from "./database.ts";
import { lockDatabase } from "./lock.ts";

/**
 * Opens a Store on an SQLite database: a file, made if it is not there, or `:memory:` for one that lives as long as the store does.
 *
 * Commits run in one thread, reads of a file in another, so that a slow disk never holds up the event loop. One process at a time serves
 * a file. Rejects with STORE_UNAVAILABLE if the file is in use or cannot be used. `onMeasures` is told of every transaction.
 */
export async function openSqliteStore(
  path: string,
  onMeasures?: (measures: Measures) => void,
): Promise<Store> {
  const inMemory = path === ":memory:";
  const file = inMemory ? path : canonical(path);
  const lock = inMemory ? undefined : lockDatabase(file);
  const listeners = new Set<(commit: Commit) => void>();
  const onCommit = (commit: Commit) => {
    for (const listener of listeners) listener(commit);
  };
  let writer: Channel | undefined;
  try {
    // Migrates here and not in the worker, so that what is wrong with the file comes out as it is.
    if (!inMemory) openDatabase(file).close();
    writer = await openChannel({ path: file, role: "writer" }, onCommit, onMeasures);
    const reader = inMemory ? writer : await openChannel({ path: file, role: "reader" }, onCommit);
    return storeOver(writer, reader);
  } catch (error) {
    await writer?.close();
    lock?.release();
    throw error;
  }

  function storeOver(writer: Channel, reader: Channel): Store {
    let closed: Promise<void> | undefined;
    return {
      putAgents: (args) => writer.call("putAgents", args),
      createTask: (args) => writer.call("createTask", args),
      sendEvent: (args) => writer.call("sendEvent", args),
      cancelEvent: (args) => writer.call("cancelEvent", args),
      redriveEvents: (args) => writer.call("redriveEvents", args),
      interruptTask: (args) => writer.call("interruptTask", args),
      cancelTask: (args) => writer.call("cancelTask", args),
      deleteTask: (args) => writer.call("deleteTask", args),
      startTurn: (args) => writer.call("startTurn", args),
      recoverTurns: (args) => writer.call("recoverTurns", args),
      takeEvents: (args) => writer.call("takeEvents", args),
      appendOutput: (args) => writer.call("appendOutput", args),
      commitTurn: (args) => writer.call("commitTurn", args),
      failTurn: (args) => writer.call("failTurn", args),
      fireTimers: (args) => writer.call("fireTimers", args),
      dueTasks: (args) => reader.call("dueTasks", args),
      getTask: (args) => reader.call("getTask", args),
      listTasks: (args) => reader.call("listTasks", args),
      peekEvents: (args) => reader.call("peekEvents", args),
      listEvents: (args) => reader.call("listEvents", args),
      listMessages: (args) => reader.call("listMessages", args),
      getState: (args) => reader.call("getState", args),
      getStateAt: (args) => reader.call("getStateAt", args),
      listStates: (args) => reader.call("listStates", args),
      readLog: (args) => reader.call("readLog", args),
      countAgent: (args) => reader.call("countAgent", args),
      countEvents: () => reader.call("countEvents", undefined),
      oldestWaiting: (args) => reader.call("oldestWaiting", args),
      countUnfinished: (args) => reader.call("countUnfinished", args),
      createSchedule: (args) => writer.call("createSchedule", args),
      pauseSchedule: (args) => writer.call("pauseSchedule", args),
      resumeSchedule: (args) => writer.call("resumeSchedule", args),
      deleteSchedule: (key) => writer.call("deleteSchedule", key),
      declareSchedules: (args) => writer.call("declareSchedules", args),
      fireSchedule: (args) => writer.call("fireSchedule", args),
      triggerSchedule: (args) => writer.call("triggerSchedule", args),
      getSchedule: (key) => reader.call("getSchedule", key),
      listSchedules: (args) => reader.call("listSchedules", args),
      dueSchedules: (args) => reader.call("dueSchedules", args),
      createWebhook: (args) => writer.call("createWebhook", args),
      pauseWebhook: (args) => writer.call("pauseWebhook", args),
      resumeWebhook: (args) => writer.call("resumeWebhook", args),
      deleteWebhook: (args) => writer.call("deleteWebhook", args),
      settleDelivery: (args) => writer.call("settleDelivery", args),
      getWebhook: (args) => reader.call("getWebhook", args),
      listWebhooks: (args) => reader.call("listWebhooks", args),
      dueDeliveries: (args) => reader.call("dueDeliveries", args),
      nextDelivery: (args) => reader.call("nextDelivery", args),
      createToken: (args) => writer.call("createToken", args),
      revokeToken: (args) => writer.call("revokeToken", args),
      signingKey: (args) => writer.call("signingKey", args),
      listTokens: (args) => reader.call("listTokens", args),
      readTokens: (args) => reader.call("readTokens", args),
      watch(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      close() {
        closed ??= close(writer, reader);
        return closed;
      },
    };
  }

  async function close(writer: Channel, reader: Channel): Promise<void> {
    // The writer ends last, so that its connection can empty the write-ahead log into the file.
    await writer.close(reader === writer ? undefined : reader.close());
    lock?.release();
  }
}

/** Resolves links, so that two names of one file are one file. Makes the file if it is not there: a link may point to none. */
function canonical(path: string): string {
  try {
    // Never opens a file that is there: closing it would drop the locks that this process has on it (POSIX).
    if (!existsSync(path)) closeSync(openSync(path, "a"));
    if (!statSync(path).isFile()) throw new Error("it is not a file");
    return realpathSync(path);
  } catch (error) {
    throw unavailable(`cannot open the database ${path}`, error);
  }
}
