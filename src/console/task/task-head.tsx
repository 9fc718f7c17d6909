import { useState } from "react";
import { isFinalState, type Task, TaskState } from "../../client/index.ts";
import { tasks } from "../api.ts";
import { useChange } from "../lists/list-page.tsx";
import { useShortcuts } from "../shortcuts.ts";
import { titleOf } from "../tasks/task-row.tsx";
import { TaskBadge } from "../ui/badge.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { ErrorNote } from "../ui/error-note.tsx";
import { useTitle } from "../ui/title.ts";
import { ConnectionSign } from "./connection-sign.tsx";
import type { Connection } from "./task-feed.ts";

interface TaskHeadProps {
  task: Task;
  connection: Connection;
  /** Whether the past is shown, in which nothing can be done. */
  past: boolean;
}

/** What a task is and where it stands, and what stops it. */
export function TaskHead({ task, connection, past }: TaskHeadProps) {
  const [asking, setAsking] = useState<"interrupt" | "cancel">();
  const { change, error } = useChange();
  useTitle(titleOf(task));
  const open = !past && !isFinalState(task.state) && task.state !== TaskState.CANCELLING;
  const interruptible = open && task.processingEventId !== "";
  useShortcuts({
    i: () => interruptible && setAsking("interrupt"),
    x: () => open && setAsking("cancel"),
  });
  return (
    <header className="task-head">
      <div className="task-title">
        <h1>{titleOf(task)}</h1>
        <TaskBadge state={task.state} />
        <ConnectionSign connection={connection} />
      </div>
      <p className="soft">
        <a href={`#/tasks?agent=${encodeURIComponent(task.agent)}`}>{task.agent}</a>
        {task.statusReason && ` · ${task.statusReason}`}
        {task.error && ` · ${task.error.message}`}
      </p>
      <div className="actions">
        <button
          type="button"
          disabled={!interruptible}
          title="Stop the running turn (i)"
          onClick={() => setAsking("interrupt")}
        >
          Interrupt
        </button>
        <button
          type="button"
          className="danger"
          disabled={!open}
          title="Cancel the task (x)"
          onClick={() => setAsking("cancel")}
        >
          Cancel
        </button>
      </div>
      <ErrorNote error={error} />
      {asking === "interrupt" && (
        <ConfirmDialog
          title="Interrupt the turn?"
          text="The running turn is stopped and its event dropped. The task and what waits in its mailbox stay."
          action="Interrupt"
          asksReason
          onConfirm={(reason) => change(() => tasks.interrupt(task.id, { reason }))}
          onClose={() => setAsking(undefined)}
        />
      )}
      {asking === "cancel" && (
        <ConfirmDialog
          title="Cancel the task?"
          text="The running turn is stopped, what waits is dropped, and children are cancelled. The task ends."
          action="Cancel the task"
          asksReason
          onConfirm={(reason) => change(() => tasks.cancel(task.id, { reason }))}
          onClose={() => setAsking(undefined)}
        />
      )}
    </header>
  );
}
