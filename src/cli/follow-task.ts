import {
  applyUpdate,
  createTaskView,
  type PigeonholeError,
  type TasksClient,
  type TaskUpdate,
  type TaskView,
} from "../client/index.ts";

/** Follows a task in the background. */
export interface TaskFollower {
  /** Resolves with the view once it is as wanted, or the task has ended. Rejects with what following fails with. */
  until(isWanted: (view: TaskView) => boolean): Promise<TaskView>;
}

/** How to follow. */
export interface FollowOptions {
  afterSequence?: bigint;
  signal: AbortSignal;
  /** Shows an entry. The next is read when it resolves. */
  show(update: TaskUpdate): Promise<void>;
  onInterrupt(error: PigeonholeError, wait: number): void;
}

/** Begins to follow a task. It ends with the task, or when the signal is aborted. */
export function followTask(
  tasks: TasksClient,
  taskId: string,
  { show, ...options }: FollowOptions,
): TaskFollower {
  let view = createTaskView();
  let over = false;
  let changed = Promise.withResolvers<void>();
  const ended = follow();
  // Whoever waits is told; nobody may be waiting yet.
  ended.catch(() => {});

  return {
    async until(isWanted) {
      while (!over && !isWanted(view)) await changed.promise;
      return over ? ended : view;
    },
  };

  async function follow(): Promise<TaskView> {
    try {
      for await (const update of tasks.subscribe(taskId, options)) {
        await show(update);
        view = applyUpdate(view, update);
        changed.resolve();
        changed = Promise.withResolvers();
      }
      return view;
    } finally {
      over = true;
      changed.resolve();
    }
  }
}
