import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import {
  ErrorInfoSchema,
  RetryInfoSchema,
  type Status,
  type TaskService,
  type TaskUpdate,
} from "../src/proto.ts";
import type { Request } from "./crash-history.ts";
import type { Random } from "./crash-random.ts";
import { type Protocol, protocols, type Server, type ServerSeries } from "./crash-servers.ts";

export type Rpc = Client<typeof TaskService>;

/** What the clients of one store share. */
export interface Clients {
  servers: Pick<ServerSeries, "current">;
  random: Random;
  /** Tells the time that their server goes by. */
  now(): number;
  /** How many events each sender of a task sends. Default 2 to 6. */
  sends?: { min: number; max: number };
  /** The types of the events that they send, each as likely as it is often there. Default: those of agents with plain rules. */
  types?: readonly [string, ...string[]];
  /** Lets a time pass, in ms. Default: none does, and nothing that takes some is tried. */
  pause?(time: number): Promise<unknown>;
  /** How often, of 1, they take back what they have sent. Default never. */
  unsends?: number;
  /** How often, of 1, they delete a task that has ended. Default never. */
  deletes?: number;
  /** How long a task may take, in ms, and how often, of 1, one is so limited. Default never. */
  limits?: { chance: number; min: number; max: number };
  /** Is told of every answer and every entry that a client gets. */
  progress(): void;
  /** Is told when a server could not write, and waits until it is to be asked again. */
  refused?(): Promise<void> | void;
}

/** What requests may be refused with for good. */
const refusals = ["TASK_FINISHED", "TASK_BUSY", "QUESTION_CLOSED", "EVENT_STATE"];

/** How long a call may take. One that takes longer hangs. */
const timeoutMs = 30_000;

/**
 * Tries a request once, and again after each crash and each failure of the store until its outcome is known, or with `patient` false until the first crash. Notes each
 * outcome. Resolves with whether it was acknowledged.
 */
export async function perform<Answer>(
  clients: Clients,
  request: Request<Answer>,
  call: (
    rpc: Rpc,
    options: { timeoutMs: number },
  ) => Promise<{ answer: Answer | undefined; duplicate: boolean }>,
  patient = true,
): Promise<boolean> {
  const { servers, random, progress } = clients;
  for (;;) {
    const server = await servers.current();
    try {
      const { answer, duplicate } = await call(server.rpc[random.pick(protocols)], { timeoutMs });
      if (answer === undefined) throw new Error(`the answer to ${request.requestId} is empty`);
      request.outcomes.push({ kind: "acknowledged", answer, duplicate });
      progress();
      return true;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== undefined && refusals.includes(reason)) {
        request.outcomes.push({ kind: "refused", reason });
        return false;
      }
      if (reason === "MAILBOX_FULL") {
        request.outcomes.push({ kind: "failed", reason });
        await clients.pause?.(waitOf(error));
        continue;
      }
      if (server.troubled && reason === "STORE_UNAVAILABLE") {
        request.outcomes.push({ kind: "failed", reason });
        await clients.refused?.();
        continue;
      }
      request.outcomes.push({ kind: "unknown" });
      await afterCrash(clients, server, error);
      if (!patient) return false;
    }
  }
}

/** Reads from a server, and again after a crash. */
export async function read<T>(clients: Clients, call: (rpc: Rpc) => Promise<T>): Promise<T> {
  const { servers, random, progress } = clients;
  for (;;) {
    const server = await servers.current();
    try {
      const answer = await call(server.rpc[random.pick(protocols)]);
      progress();
      return answer;
    } catch (error) {
      await afterCrash(clients, server, error);
    }
  }
}

/**
 * Follows a task to its end: after each crash, and now and then without one, goes on after the last entry over the next protocol.
 * Returns all that it was told, but for heartbeats, and tells whoever listens at once, until that has
 * heard enough.
 */
export async function follow(
  clients: Clients,
  taskId: string,
  restless = true,
  onUpdate?: (update: TaskUpdate) => "enough" | undefined,
): Promise<TaskUpdate[]> {
  const { servers, random, progress } = clients;
  const log: TaskUpdate[] = [];
  for (let turn = random.between(0, 2); ; turn++) {
    const server = await servers.current();
    const rpc = server.rpc[protocolOf(turn)];
    const patience = restless && random.chance(0.4) ? random.between(1, 60) : Number.POSITIVE_INFINITY;
    const hangUp = new AbortController();
    let told = 0;
    try {
      const request = { taskId, afterSequence: log.at(-1)?.sequence ?? 0n };
      for await (const { update } of rpc.subscribeTask(request, { signal: hangUp.signal })) {
        if (update === undefined || update.entry.case === "heartbeat") continue;
        log.push(update);
        if (onUpdate?.(update) === "enough") return log;
        progress();
        if (++told >= patience) break;
      }
      if (told < patience) return log;
    } catch (error) {
      await afterCrash(clients, server, error);
    } finally {
      hangUp.abort();
    }
  }
}

/** Waits until the server of a call that failed is gone, unless it says that it may be tried again. Throws the error if it has no reason to be. */
async function afterCrash(clients: Clients, server: Server, error: unknown): Promise<void> {
  if (server.troubled && !server.doomed && reasonOf(error) === "STORE_UNAVAILABLE") {
    await clients.refused?.();
    return;
  }
  if (!server.doomed) throw new Error("a call failed while its server lived", { cause: error });
  if (reasonOf(error) !== undefined && ConnectError.from(error).code !== Code.Unavailable) throw error;
  await server.gone;
}

/** The reason that Pigeonhole gives, or undefined for an error that is not its own. */
export function reasonOf(error: unknown): string | undefined {
  return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
}

/** How long an error asks to wait, in ms. */
export function waitOf(error: unknown): number {
  const [{ retryDelay } = {}] = ConnectError.from(error).findDetails(RetryInfoSchema);
  if (retryDelay === undefined) throw new Error("G6 it is not said when to try again", { cause: error });
  return durationMs(retryDelay);
}

/** The reason in an error of a log. */
export function reasonOfStatus(status: Status | undefined): string | undefined {
  for (const detail of status?.details ?? []) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) return info.reason;
  }
  return undefined;
}

function protocolOf(turn: number): Protocol {
  return protocols[turn % protocols.length] ?? "connect";
}
