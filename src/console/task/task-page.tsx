import { useMemo, useState } from "react";
import { isFinalState, isReason } from "../../client/index.ts";
import { useShortcuts } from "../shortcuts.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { useMedia } from "../ui/media.ts";
import { ChildrenPanel } from "./children-panel.tsx";
import { Conversation } from "./conversation.tsx";
import { DetailsPanel } from "./details-panel.tsx";
import { LogPanel } from "./log-panel.tsx";
import { MailboxPanel } from "./mailbox-panel.tsx";
import { StatePanel } from "./state-panel.tsx";
import { type Tab, Tabs, tabs } from "./tabs.tsx";
import { useTaskFeed } from "./task-feed.ts";
import { TaskHead } from "./task-head.tsx";
import { TaskInput } from "./task-input.tsx";
import { TimeBar } from "./time-bar.tsx";

/** One task: its conversation, and beside it the mailbox, the log and what else is known of it. */
export function TaskPage({ taskId }: { taskId: string }) {
  const { feed, state } = useTaskFeed(taskId);
  const { connection, count, view } = state;
  // After how many entries the task is shown. Absent: as it is now.
  const [at, setAt] = useState<number>();
  const wide = useMedia("(width >= 900px)");
  const [chosen, setTab] = useState<Tab>("conversation");
  // Beside the conversation there is always something else.
  const tab = wide && chosen === "conversation" ? "mailbox" : chosen;
  const shown = useMemo(() => (at === undefined ? view : feed.viewAt(at)), [feed, at, view]);
  const travel = (to: number | undefined) => {
    const place = Math.max(to ?? count, 1);
    setAt(place < count ? place : undefined);
  };
  const toNow = () => travel(undefined);

  function choose(id: Tab): void {
    if (wide && id === "conversation")
      document.querySelector<HTMLElement>("#conversation .scroller")?.focus();
    else setTab(id);
  }

  useShortcuts({
    ...Object.fromEntries(tabs.map(({ id }, index) => [String(index + 1), () => choose(id)])),
    "[": () => travel((at ?? count) - 1),
    "]": () => travel(at === undefined ? undefined : at + 1),
    Escape: toNow,
  });

  if (connection.state === "failed" && view.task === undefined) {
    const missing = isReason(connection.error, "TASK_NOT_FOUND", "FIELD_INVALID");
    return (
      <div className="page">
        {missing ? <p className="empty">There is no such task.</p> : <ErrorNote error={connection.error} />}
      </div>
    );
  }
  if (shown.task === undefined) {
    return (
      <output className="empty">
        {connection.state === "interrupted" ? connection.message : "Opening the task …"}
      </output>
    );
  }
  const { task } = shown;
  return (
    <div className="task-page" data-tab={tab}>
      <TaskHead task={task} connection={connection} past={at !== undefined} />
      {at !== undefined && (
        <TimeBar sequence={shown.sequence} time={feed.entries[at - 1]?.time} onNow={toNow} />
      )}
      <div className="task-main">
        <section className="conversation-side" aria-label="Conversation">
          <Conversation view={shown} heard={feed.heard} past={at !== undefined} />
          {view.task && !isFinalState(view.task.state) && (
            // What one is writing is still there when one has looked at the past.
            <div className="task-input" hidden={at !== undefined}>
              <TaskInput task={view.task} />
            </div>
          )}
        </section>
        <aside className="panel-side" aria-label="About the task">
          <Tabs current={tab} onChange={setTab} view={shown} />
          <div className="panel" role="tabpanel" id="panel" aria-labelledby={`tab-${tab}`}>
            {tab === "mailbox" && <MailboxPanel taskId={taskId} view={shown} past={at !== undefined} />}
            {tab === "log" && <LogPanel feed={feed} count={count} at={at} onTravel={travel} />}
            {tab === "state" && (
              <StatePanel taskId={taskId} sequence={shown.sequence} past={at !== undefined} />
            )}
            {tab === "children" && <ChildrenPanel task={task} />}
            {tab === "details" && <DetailsPanel task={task} />}
          </div>
        </aside>
      </div>
    </div>
  );
}
