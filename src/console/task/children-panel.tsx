import { useQuery } from "@connectrpc/connect-query";
import type { Task } from "../../client/index.ts";
import { TaskService } from "../../proto.ts";
import { TaskRow } from "../tasks/task-row.tsx";
import { ErrorNote } from "../ui/error-note.tsx";

/** The tasks that were made on behalf of this one, and the one that this was made for. */
export function ChildrenPanel({ task }: { task: Task }) {
  const { data, error } = useQuery(TaskService.method.listTasks, { parentTaskId: task.id, pageSize: 200 });
  return (
    <div className="stack">
      {task.parentTaskId && (
        <p>
          Made for <a href={`#/tasks/${task.parentTaskId}`}>…{task.parentTaskId.slice(-12)}</a>
        </p>
      )}
      <ErrorNote error={error} />
      {data?.tasks.length === 0 && <p className="empty">It has no children.</p>}
      <ul className="task-list">
        {data?.tasks.map((child) => (
          <li key={child.id}>
            <TaskRow task={child} />
          </li>
        ))}
      </ul>
      {data?.nextPageToken && <p className="soft">The 200 newest are shown.</p>}
    </div>
  );
}
