import { hasReason } from "../../../src/server/errors.ts";
import type { Store } from "../../../src/server/store/store.ts";
import type { Bug } from "./simulate.ts";

/** Bugs in what comes when something has an end: attempts, room, time, a receiver. */
export const bugsAtLimits: Record<string, () => Bug> = {
  "given up and gone on": () => ({ store: goOnRegardless }),
  "a lost alarm": () => ({ store: loseAlarms }),
  "a time limit forgotten": () => ({ store: forgetLimits }),
  "taken back and handled": () => ({ store: takeBackTooLate }),
  "a reminder that comes all the same": () => ({ store: keepScheduled }),
  "a full mailbox that drops the first": () => ({ store: dropTheFirst }),
  "fired while it runs": () => ({ store: overlapRegardless }),
  "a missed time that stays missed": () => ({ store: fireForTheLatest }),
  "a trigger that fires again": () => ({ store: forgetTriggers }),
  "gone is taken for posted": () => ({ store: settleGone }),
  "compacted to nothing": () => ({ store: compactToNothing }),
};

/** A task whose agent says that it is to be paused or to fail goes on with the next event. */
function goOnRegardless(store: Store): Store {
  return { ...store, failTurn: ({ exhausted: _, ...args }) => store.failTurn(args) };
}

/** Nobody is told when something is due that a commit has set a time for. */
function loseAlarms(store: Store): Store {
  return { ...store, watch: (listener) => store.watch(({ timer: _, ...commit }) => listener(commit)) };
}

/** A task has all the time that it likes. */
function forgetLimits(store: Store): Store {
  return { ...store, createTask: ({ expireTime: _, ...args }) => store.createTask(args) };
}

/** Whoever takes an event back too late is told that it was in time. */
function takeBackTooLate(store: Store): Store {
  return {
    ...store,
    cancelEvent: (args) =>
      store.cancelEvent(args).catch(async (error: unknown) => {
        const bounds = { states: [], afterSequence: 0, limit: 1_000, maxBytes: 1_000_000 };
        const { items = [] } = (await store.listEvents({ taskId: args.taskId, ...bounds })) ?? {};
        const event = items.find(({ id }) => id === args.eventId);
        if (!hasReason(error, "EVENT_STATE") || event === undefined) throw error;
        return event;
      }),
  };
}

/** What a turn takes back of what is scheduled is left there. */
function keepScheduled(store: Store): Store {
  return {
    ...store,
    commitTurn: (args) =>
      store.commitTurn({ ...args, followUps: args.followUps.filter(({ kind }) => kind !== "unschedule") }),
  };
}

/** Where there is no room, the oldest event makes some. */
function dropTheFirst(store: Store): Store {
  return {
    ...store,
    sendEvent: (args) =>
      store.sendEvent(args).catch(async (error: unknown) => {
        const { taskId, now } = args;
        const [first] = hasReason(error, "MAILBOX_FULL")
          ? await store.peekEvents({ taskId, limit: 1, maxBytes: 1 })
          : [];
        if (first === undefined) throw error;
        await store.cancelEvent({ taskId, eventId: first.id, now });
        return await store.sendEvent(args);
      }),
  };
}

/** A schedule fires whatever has become of the last time. */
function overlapRegardless(store: Store): Store {
  return {
    ...store,
    declareSchedules: ({ schedules, ...args }) =>
      store.declareSchedules({
        ...args,
        schedules: schedules.map((schedule) => ({
          ...schedule,
          spec: { ...schedule.spec, overlap: "allow" },
        })),
      }),
  };
}

/** Of several times that have come, the latest alone fires. */
function fireForTheLatest(store: Store): Store {
  return {
    ...store,
    fireSchedule: ({ firings, ...args }) => store.fireSchedule({ ...args, firings: firings.slice(-1) }),
  };
}

/** A schedule fires for a trigger as often as that is asked for. */
function forgetTriggers(store: Store): Store {
  return { ...store, triggerSchedule: ({ request: _, ...args }) => store.triggerSchedule(args) };
}

/** What a receiver that is gone for good has refused counts as posted. */
function settleGone(store: Store): Store {
  return {
    ...store,
    settleDelivery: ({ outcome, ...args }) => {
      const gone = outcome.kind === "failed" && outcome.deadAfter === 0;
      return store.settleDelivery({ ...args, outcome: gone ? { kind: "skipped" } : outcome });
    },
  };
}

/** What a message says is gone with its deltas. */
function compactToNothing(store: Store): Store {
  return {
    ...store,
    async readLog(args) {
      const page = await store.readLog(args);
      for (const entry of page.entries) {
        if (entry.kind !== "message" || entry.message.sequence === entry.sequence) continue;
        const { content: _, ...message } = entry.message;
        entry.message = message;
      }
      return page;
    },
  };
}
