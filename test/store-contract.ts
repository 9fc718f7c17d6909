import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { Store } from "../src/server/store/store.ts";
import { describeAsking } from "./store-contract/asking.ts";
import { describeBatches } from "./store-contract/batches.ts";
import { describeBusy } from "./store-contract/busy.ts";
import { describeCancelling } from "./store-contract/cancelling.ts";
import { describeChildren } from "./store-contract/children.ts";
import { describeCompacting } from "./store-contract/compacting.ts";
import { describeConflicting } from "./store-contract/conflicting.ts";
import { describeCreating } from "./store-contract/creating.ts";
import { describeDeferring } from "./store-contract/deferring.ts";
import { describeDeleting } from "./store-contract/deleting.ts";
import { describeExhausting } from "./store-contract/exhausting.ts";
import { describeExpiring } from "./store-contract/expiring.ts";
import { describeFollowUps } from "./store-contract/follow-ups.ts";
import { describeInterrupting } from "./store-contract/interrupting.ts";
import { describeLife } from "./store-contract/life.ts";
import { describeLists } from "./store-contract/lists.ts";
import { describeLog } from "./store-contract/log.ts";
import { describeOutput } from "./store-contract/output.ts";
import { describeOwning } from "./store-contract/owning.ts";
import { describeParallel } from "./store-contract/parallel.ts";
import { describeRecovering } from "./store-contract/recovering.ts";
import { describeRedriving } from "./store-contract/redriving.ts";
import { describeRetrying } from "./store-contract/retrying.ts";
import { createScene, type Scene } from "./store-contract/scene.ts";
import { describeSchedules } from "./store-contract/schedules.ts";
import { describeScheduling } from "./store-contract/scheduling.ts";
import { describeSending } from "./store-contract/sending.ts";
import { describeStartingAtOnce } from "./store-contract/starting-at-once.ts";
import { describeStates } from "./store-contract/states.ts";
import { describeTaking } from "./store-contract/taking.ts";
import { describeTakingBack } from "./store-contract/taking-back.ts";
import { describeTokens } from "./store-contract/tokens.ts";
import { expectDueTasksStart, expectLogsTell } from "./store-contract/told.ts";
import { describeTurns } from "./store-contract/turns.ts";
import { describeWaking } from "./store-contract/waking.ts";
import { describeWatching } from "./store-contract/watching.ts";
import { describeWebhooks } from "./store-contract/webhooks.ts";

/** A store to test, on an empty database. */
export interface OpenedStore {
  store: Store;
  /** Closes the store and opens its database again. Absent if what it holds does not outlive it. */
  reopen?(): Promise<Store>;
  /** Closes what is open and removes the database. */
  close(): Promise<void>;
}

/**
 * Tests what the Store interface promises. A backend's test file is a call of this, and what is that backend's alone.
 *
 * The tests share one store and keep to tasks and agents of their own, except those of the store's life. After each, the logs of its
 * tasks must tell what the lists show, and what is due must start.
 */
export function describeStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(name, () => {
    let opened: OpenedStore | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());

    const scenes: Scene[] = [];
    const scene = () => {
      if (opened === undefined) throw new Error("the store is not open");
      const scene = createScene(opened.store);
      scenes.push(scene);
      return scene;
    };
    afterEach(async () => {
      for (const scene of scenes.splice(0)) {
        await expectLogsTell(scene);
        await expectDueTasksStart(scene);
      }
    });

    describe("createTask", () => describeCreating(scene));
    describe("sendEvent", () => describeSending(scene));
    describe("sendEvent to a busy task", () => describeBusy(scene));
    describe("sendEvent for later, and fireTimers", () => describeScheduling(scene));
    describe("cancelEvent", () => describeTakingBack(scene));
    describe("startTurn", () => describeTurns(scene));
    describe("createTask and sendEvent that start a turn", () => describeStartingAtOnce(scene));
    describe("startTurn for a batch", () => describeBatches(scene));
    describe("startTurn side by side", () => describeParallel(scene));
    describe("commitTurn side by side", () => describeConflicting(scene));
    describe("takeEvents and peekEvents", () => describeTaking(scene));
    describe("appendOutput and commitTurn", () => describeOutput(scene));
    describe("commitTurn that defers", () => describeDeferring(scene));
    describe("commitTurn that asks", () => describeAsking(scene));
    describe("commitTurn with follow-ups", () => describeFollowUps(scene));
    describe("failTurn", () => describeRetrying(scene));
    describe("failTurn for the last time", () => describeExhausting(scene));
    describe("redriveEvents", () => describeRedriving(scene));
    describe("recoverTurns", () => describeRecovering(scene));
    describe("interruptTask", () => describeInterrupting(scene));
    describe("cancelTask", () => describeCancelling(scene));
    describe("children", () => describeChildren(scene));
    describe("the time of a task", () => describeExpiring(scene));
    describe("deleteTask and retention", () => describeDeleting(scene));
    describe("the revisions of a state", () => describeStates(scene));
    describe("readLog", () => describeLog(scene));
    describe("readLog after its compaction", () => describeCompacting(scene));
    describe("lists", () => describeLists(scene));
    describe("watch", () => describeWatching(scene));
    describe("watch for what is due", () => describeWaking(scene));
    describe("schedules", () => describeSchedules(scene));
    describe("webhooks", () => describeWebhooks(scene));
    describe("owners", () => describeOwning(scene));
    describe("tokens", () => describeTokens(scene));
    describe("its life", () => describeLife(open));
  });
}
