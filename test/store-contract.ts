import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../src/server/store/store.ts";
import { describeCancelling } from "./store-contract/cancelling.ts";
import { describeCreating } from "./store-contract/creating.ts";
import { describeLife } from "./store-contract/life.ts";
import { describeLists } from "./store-contract/lists.ts";
import { describeLog } from "./store-contract/log.ts";
import { describeOutput } from "./store-contract/output.ts";
import { describeRetrying } from "./store-contract/retrying.ts";
import { createScene } from "./store-contract/scene.ts";
import { describeSending } from "./store-contract/sending.ts";
import { describeTurns } from "./store-contract/turns.ts";

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
 * The tests share one store and keep to tasks and agents of their own, except those of the store's life.
 */
export function describeStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(name, { timeout: 30_000 }, () => {
    let opened: OpenedStore | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());

    const scene = () => {
      if (opened === undefined) throw new Error("the store is not open");
      return createScene(opened.store);
    };
    describe("createTask", () => describeCreating(scene));
    describe("sendEvent", () => describeSending(scene));
    describe("startTurn", () => describeTurns(scene));
    describe("appendOutput and commitTurn", () => describeOutput(scene));
    describe("failTurn", () => describeRetrying(scene));
    describe("cancelTask", () => describeCancelling(scene));
    describe("readLog", () => describeLog(scene));
    describe("lists", () => describeLists(scene));
    describe("its life", () => describeLife(open));
  });
}
