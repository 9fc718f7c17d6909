import type { Task } from "../../client/index.ts";
import { Badge, TaskBadge } from "../ui/badge.tsx";
import { Ago } from "../ui/time.tsx";

/** A task in a list: a link to it. */
export function TaskRow({ task }: { task: Task }) {
  return (
    <a className="task-row" href={`#/tasks/${task.id}`}>
      <TaskBadge state={task.state} />
      <span className="task-name">{titleOf(task)}</span>
      <span className="task-agent soft">{task.agent}</span>
      <span className="task-notes">
        {task.question && <span className="soft">{task.question.prompt}</span>}
        {!task.question && task.statusReason && <span className="soft">{task.statusReason}</span>}
        {Object.entries(task.labels).map(([key, value]) => (
          <Badge key={key}>{`${key}=${value}`}</Badge>
        ))}
        {task.pendingEvents > 0 && <Badge tone="busy">{`${task.pendingEvents} wait`}</Badge>}
        {task.deadLetteredEvents > 0 && <Badge tone="bad">{`${task.deadLetteredEvents} dead`}</Badge>}
      </span>
      <span className="soft when">
        <Ago time={task.updateTime} />
      </span>
    </a>
  );
}

/** What a task is called: its name, or the end of its id, which is its random part. */
export function titleOf(task: { id: string; name: string }): string {
  return task.name || `…${task.id.slice(-12)}`;
}
