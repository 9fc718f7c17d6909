import { CancelOutcome, type Task } from "../../client/index.ts";
import { Badge } from "../ui/badge.tsx";
import { formatFull, stateName } from "../ui/format.ts";
import { JsonView } from "../ui/json-view.tsx";

/** What else is known of a task. */
export function DetailsPanel({ task }: { task: Task }) {
  const times = [
    ["Created", task.createTime],
    ["Updated", task.updateTime],
    ["Ended", task.endTime],
    ["Times out", task.expireTime],
    ["Is deleted", task.purgeTime],
  ] as const;
  const labels = Object.entries(task.labels);
  return (
    <div className="stack">
      <dl className="facts">
        <dt>Id</dt>
        <dd>
          <code>{task.id}</code>
        </dd>
        {task.name && (
          <>
            <dt>Name</dt>
            <dd>{task.name}</dd>
          </>
        )}
        {times.map(
          ([name, time]) =>
            time && (
              <div key={name} className="fact">
                <dt>{name}</dt>
                <dd>{formatFull(time)}</dd>
              </div>
            ),
        )}
        {task.cancellation && (
          <>
            <dt>Cancellation</dt>
            <dd>
              {stateName(CancelOutcome[task.cancellation.outcome])}, {task.cancellation.droppedEvents} events
              dropped
            </dd>
          </>
        )}
      </dl>
      {labels.length > 0 && (
        <p className="chips">
          {labels.map(([key, value]) => (
            <Badge key={key}>{`${key}=${value}`}</Badge>
          ))}
        </p>
      )}
      {task.params && <JsonView value={task.params} label="Parameters" />}
    </div>
  );
}
