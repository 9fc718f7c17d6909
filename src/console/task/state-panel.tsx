import { useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import type { TaskStateRevision } from "../../client/index.ts";
import { TaskService } from "../../proto.ts";
import { pageSize, pollInterval } from "../api.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { JsonView } from "../ui/json-view.tsx";
import { RevisionPicker } from "./revision-picker.tsx";
import { StateDifference } from "./state-difference.tsx";

interface StatePanelProps {
  taskId: string;
  /** The entry of the log that the page shows. */
  sequence: bigint;
  /** Whether that is one of the past. */
  past: boolean;
}

/** What the agent has stored for the task, as of the entry that the page shows or of a revision, and what that changed. */
export function StatePanel({ taskId, sequence, past }: StatePanelProps) {
  // A revision does not change: it is asked for again only where it could not be had.
  const refetchInterval = ({ state }: { state: { status: string } }) =>
    state.status === "error" ? pollInterval : false;
  const options = { placeholderData: keepPreviousData, refetchInterval } as const;
  const kept = useQuery(TaskService.method.listTaskStates, { taskId, pageSize });
  const [picked, setPicked] = useState<bigint>();
  const states = kept.data?.states ?? [];
  const shown = states.find(({ revision }) => revision === picked) ?? stateAt(states, sequence, past);
  const before = shown && states.find(({ revision }) => revision === shown.revision - 1n);
  const isFirst = shown?.revision === 1n;
  // Of an agent that keeps no revisions there is the present one, which 0 asks for.
  const current = useQuery(
    TaskService.method.getTaskState,
    { taskId, revision: shown?.revision ?? 0n },
    shown ? options : { ...options, refetchInterval: pollInterval },
  );
  const earlier = useQuery(
    TaskService.method.getTaskState,
    { taskId, revision: before?.revision ?? 0n },
    { ...options, enabled: before !== undefined },
  );
  const error = kept.error ?? current.error ?? earlier.error;
  if (kept.data === undefined || current.data === undefined) return <ErrorNote error={error} />;
  const unknown = past && shown === undefined;
  const empty = unknown && (states.at(-1)?.revision === 1n || current.data.revision === 0n);
  return (
    <div className="stack">
      <ErrorNote error={error} />
      {states.length > 0 && (
        <RevisionPicker
          states={states}
          shown={shown?.revision}
          picked={picked !== undefined}
          past={past}
          onPick={setPicked}
        />
      )}
      {empty && <p className="note">Nothing was stored yet.</p>}
      {unknown && !empty && (
        <p className="note">What the state was then is not kept any more: this is how it is now.</p>
      )}
      {!empty && <JsonView value={current.data.state ?? {}} label="State" />}
      {shown && (isFirst || (before && earlier.data)) && (
        <section aria-label="What changed">
          <h2>{isFirst ? "The first revision" : `What revision ${shown.revision} changed`}</h2>
          <StateDifference
            before={isFirst ? {} : (earlier.data?.state ?? {})}
            after={current.data.state ?? {}}
          />
        </section>
      )}
    </div>
  );
}

/** The revision that the task had at an entry of its log: the present one unless it is of the past. */
function stateAt(
  states: readonly TaskStateRevision[],
  sequence: bigint,
  past: boolean,
): TaskStateRevision | undefined {
  return past ? states.find((state) => state.sequence <= sequence) : states[0];
}
