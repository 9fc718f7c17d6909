import { useEffect, useState, useSyncExternalStore } from "react";
import { applyUpdate, createTaskView, type TaskUpdate, type TaskView } from "../../client/index.ts";
import { tasks } from "../api.ts";
import { type HeardEvents, hear } from "./heard-events.ts";

/** How the page stands with the server. */
export type Connection =
  | { state: "connecting" | "live" | "ended" }
  | { state: "interrupted"; message: string }
  | { state: "failed"; error: unknown };

/** What is known of a task now. A new object whenever something of it is new. */
export interface FeedState {
  readonly connection: Connection;
  /** How many entries of the log have come. */
  readonly count: number;
  readonly view: TaskView;
}

/** The log of a task as it comes, all of it kept, and what it amounts to at every one of its entries. */
export interface TaskFeed {
  get(): FeedState;
  subscribe(onChange: () => void): () => void;
  /** The entries that have come, which grow in place: `count` of the state tells that there are more. */
  readonly entries: readonly TaskUpdate[];
  /** The events that turns have taken, in their order, which grow in place likewise. */
  readonly heard: HeardEvents;
  /** Gives the task as it was after so many entries. */
  viewAt(count: number): TaskView;
  /** Follows the log from where it is, until it is stopped by the function that this returns. */
  start(): () => void;
}

/** How many entries are applied at most to go back in time. Views share what is the same in them, so that many cost little. */
const checkpointEvery = 256;

export function createTaskFeed(taskId: string): TaskFeed {
  const entries: TaskUpdate[] = [];
  const heard: HeardEvents = new Map();
  const checkpoints: TaskView[] = [createTaskView()];
  const listeners = new Set<() => void>();
  let view = createTaskView();
  let connection: Connection = { state: "connecting" };
  let state: FeedState = { connection, count: 0, view };
  let drawing = false;

  /** Tells of what is new once for each picture that the browser draws, however much comes in between. */
  function changed(): void {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      state = { connection, count: entries.length, view };
      for (const listener of listeners) listener();
    });
  }

  function connect(next: Connection): void {
    if (next.state === connection.state && next.state === "live") return;
    connection = next;
    changed();
  }

  function add(update: TaskUpdate): void {
    if (update.entry.case === "heartbeat") return;
    entries.push(update);
    view = applyUpdate(view, update);
    hear(heard, update, view.events);
    if (entries.length % checkpointEvery === 0) checkpoints.push(view);
    changed();
  }

  async function follow(signal: AbortSignal): Promise<void> {
    try {
      const updates = tasks.subscribe(taskId, {
        afterSequence: view.sequence,
        heartbeats: true,
        signal,
        onInterrupt: ({ message }) => connect({ state: "interrupted", message }),
      });
      for await (const update of updates) {
        add(update);
        connect({ state: "live" });
      }
      connect({ state: "ended" });
    } catch (error) {
      if (!signal.aborted) connect({ state: "failed", error });
    }
  }

  return {
    entries,
    heard,
    get: () => state,
    subscribe(onChange) {
      listeners.add(onChange);
      return () => listeners.delete(onChange);
    },
    viewAt(count) {
      const checkpoint = Math.floor(count / checkpointEvery);
      const from = checkpoints[checkpoint] ?? createTaskView();
      return entries.slice(checkpoint * checkpointEvery, count).reduce(applyUpdate, from);
    },
    start() {
      const stopping = new AbortController();
      follow(stopping.signal);
      return () => stopping.abort();
    },
  };
}

/** Follows a task for as long as a component is shown. */
export function useTaskFeed(taskId: string): { feed: TaskFeed; state: FeedState } {
  const [feed] = useState(() => createTaskFeed(taskId));
  useEffect(() => feed.start(), [feed]);
  return { feed, state: useSyncExternalStore(feed.subscribe, feed.get) };
}
