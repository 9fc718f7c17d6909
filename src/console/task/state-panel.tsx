import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { TaskService } from "../../proto.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { JsonView } from "../ui/json-view.tsx";
import { changedKeys, type SeenState } from "./seen-states.ts";

/** How many revisions are remembered. */
const seenAtMost = 20;

interface StatePanelProps {
  taskId: string;
  past: boolean;
}

/** What the agent has stored for the task, and what changed with each revision that was seen here. */
export function StatePanel({ taskId, past }: StatePanelProps) {
  const { data, error } = useQuery(TaskService.method.getTaskState, { taskId });
  const [seen, setSeen] = useState<readonly SeenState[]>([]);
  const last = seen.at(-1);
  if (data && data.revision !== last?.revision) {
    const state = data.state ?? {};
    const changed = last ? changedKeys(last.state, state) : [];
    setSeen([...seen, { revision: data.revision, state, changed }].slice(-seenAtMost));
  }
  if (data === undefined) return <ErrorNote error={error} />;
  return (
    <div className="stack">
      {past && <p className="note">The log does not tell the state: this is how it is now.</p>}
      <p>
        Revision <b>{String(data.revision)}</b>{" "}
        <span className="soft">as of entry #{String(data.sequence)}</span>
      </p>
      <JsonView value={data.state ?? {}} label="State" />
      {seen.length > 1 && (
        <section aria-label="Revisions seen">
          <h2>Revisions seen here</h2>
          <ol className="revisions">
            {seen.toReversed().map(({ revision, changed, state }) => (
              <li key={String(revision)}>
                <details>
                  <summary>
                    {String(revision)} <span className="soft">{changed.join(", ")}</span>
                  </summary>
                  <JsonView value={state} label={`State at revision ${revision}`} />
                </details>
              </li>
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}
