import type { Agent } from "../../../src/server/agent.ts";
import { hasReason } from "../../../src/server/errors.ts";
import type { StartTurnResult } from "../../../src/server/store/calls.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { bugsAtLimits } from "./bugs-at-limits.ts";
import type { Bug } from "./simulate.ts";

/** Bugs that a system such as this one is known to come to have. Each is put in at a seam, and made anew for each run. */
export const bugs: Record<string, () => Bug> = {
  "acknowledge before commit": () => ({ haste: "acknowledges" }),
  "delivery before commit": () => ({ haste: "shows" }),
  "no fence": noFence,
  "a lost wake-up": () => ({ store: loseWakeUps }),
  "retry without superseding": () => ({ agent: retryInPlace }),
  "a lost update": () => ({ store: loseUpdates }),
  "a batch cut short": () => ({ store: cutBatches }),
  "put off as if done": () => ({ store: forgetDeferrals }),
  "a busy task that refuses nothing": () => ({ store: refuseNothing }),
  "two answers to a question": () => ({ store: answerTwice }),
  "a time that fires again": () => ({ store: fireApart }),
  "posted before it is posted": () => ({ store: settleEarly }),
  "a child that is not recalled": () => ({ store: forgetRecalls }),
  "a report to nobody": () => ({ store: reportToNobody }),
  ...bugsAtLimits,
};

/** Whatever a turn writes is taken for the running one's. */
function noFence(): Bug {
  const running = new Map<string, number>();
  const unfence = <Args extends { taskId: string; turn: number }>(args: Args): Args => ({
    ...args,
    turn: running.get(args.taskId) ?? args.turn,
  });
  const note = ({ turn }: StartTurnResult) => {
    if (turn !== undefined) running.set(turn.task.id, turn.turn);
  };
  return {
    store: (store) => ({
      ...store,
      appendOutput: (args) => store.appendOutput(unfence(args)),
      failTurn: (args) => store.failTurn(unfence(args)),
      async startTurn(args) {
        const result = await store.startTurn(args);
        note(result);
        return result;
      },
      async commitTurn(args) {
        const result = await store.commitTurn(unfence(args));
        note(result);
        return result;
      },
    }),
  };
}

/** Of a commit now and then, nobody is told whom it gives work. */
function loseWakeUps(store: Store): Store {
  let commits = 0;
  return {
    ...store,
    watch: (listener) =>
      store.watch((commit) => listener(++commits % 5 === 0 ? { ...commit, due: [] } : commit)),
  };
}

/** A turn whose changes of the state are refused, because one beside it was faster, ends without them. */
function loseUpdates(store: Store): Store {
  return {
    ...store,
    commitTurn: (args) =>
      store.commitTurn(args).catch((error: unknown) => {
        if (!hasReason(error, "STATE_CONFLICT")) throw error;
        return store.commitTurn({ ...args, changes: {}, reads: [] });
      }),
  };
}

/** Of a batch that is tried again, the handler is given the first event alone. */
function cutBatches(store: Store): Store {
  const cut = (result: StartTurnResult): StartTurnResult => {
    const { turn } = result;
    return turn === undefined || turn.attempt === 1
      ? result
      : { ...result, turn: { ...turn, events: turn.events.slice(0, 1) } };
  };
  return {
    ...store,
    startTurn: async (args) => cut(await store.startTurn(args)),
    commitTurn: async (args) => cut(await store.commitTurn(args)),
  };
}

/** What a turn leaves in the mailbox is taken for handled. */
function forgetDeferrals(store: Store): Store {
  return {
    ...store,
    commitTurn: ({ outcome, ...args }) =>
      store.commitTurn({ ...args, outcome: outcome.kind === "defer" ? { kind: "continue" } : outcome }),
  };
}

/** An event that is to be refused by a task that is busy waits for its turn. */
function refuseNothing(store: Store): Store {
  return {
    ...store,
    sendEvent: (args) => {
      const { onBusy, ...event } = args.event;
      return store.sendEvent(onBusy === "reject" ? { ...args, event } : args);
    },
  };
}

/** An answer that comes too late is taken for another event. */
function answerTwice(store: Store): Store {
  return {
    ...store,
    sendEvent: (args) =>
      store.sendEvent(args).catch((error: unknown) => {
        if (!hasReason(error, "QUESTION_CLOSED")) throw error;
        const { answers: _, ...event } = args.event;
        return store.sendEvent({ ...args, event });
      }),
  };
}

/** What a schedule does and its step to the next time are two transactions. */
function fireApart(store: Store): Store {
  return {
    ...store,
    async fireSchedule({ firings, ...args }) {
      for (const { task } of firings) await store.createTask({ ...task, now: args.now });
      return await store.fireSchedule({ ...args, firings: [] });
    },
  };
}

/** What is to be posted is taken for posted as soon as it is known. */
function settleEarly(store: Store): Store {
  return {
    ...store,
    async nextDelivery(args) {
      const delivery = await store.nextDelivery(args);
      if (delivery === undefined) return undefined;
      const { sequence } = delivery;
      await store.settleDelivery({ ...args, sequence, outcome: { kind: "delivered" } });
      return delivery;
    },
  };
}

/** What a turn says of the end of other tasks is not done. */
function forgetRecalls(store: Store): Store {
  return {
    ...store,
    commitTurn: (args) =>
      store.commitTurn({ ...args, followUps: args.followUps.filter(({ kind }) => kind !== "cancel") }),
  };
}

/** A turn whose events another task refuses is committed without them. */
function reportToNobody(store: Store): Store {
  return {
    ...store,
    commitTurn: (args) =>
      store.commitTurn(args).catch((error: unknown) => {
        const sends = args.followUps.some((each) => each.kind === "send" && each.taskId !== args.taskId);
        if (!sends || hasReason(error, "TURN_OVER")) throw error;
        return store.commitTurn({ ...args, followUps: [] });
      }),
  };
}

/** A handler that fails is called again in the same turn, with what it showed left as it is. */
function retryInPlace(agent: Agent): Agent {
  const { onTaskEventSend: handle } = agent;
  if (handle === undefined) return agent;
  return {
    ...agent,
    async onTaskEventSend(ctx, event) {
      try {
        await handle(ctx, event);
      } catch (error) {
        if (ctx.signal.aborted) throw error;
        await handle(Object.create(ctx, { attempt: { value: ctx.attempt + 1 } }), event);
      }
    },
  };
}
