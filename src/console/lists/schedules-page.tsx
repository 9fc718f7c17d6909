import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { Missed, Overlap, type Schedule } from "../../client/index.ts";
import { ScheduleService } from "../../proto.ts";
import { pageSize, schedules } from "../api.ts";
import { Badge } from "../ui/badge.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { ErrorNote } from "../ui/error-note.tsx";
import { countOf, stateName } from "../ui/format.ts";
import { Ago } from "../ui/time.tsx";
import { ListPage, useChange } from "./list-page.tsx";

/** The recurring schedules. */
export function SchedulesPage() {
  const { data, error } = useQuery(ScheduleService.method.listSchedules, { pageSize });
  return (
    <ListPage title="Schedules" error={error} empty="There is no schedule." more={!!data?.nextPageToken}>
      {data?.schedules.map((schedule) => (
        <li key={schedule.name}>
          <ScheduleCard schedule={schedule} />
        </li>
      ))}
    </ListPage>
  );
}

function ScheduleCard({ schedule }: { schedule: Schedule }) {
  const { name, agent, spec, paused, declared } = schedule;
  const { change, isPending, error } = useChange();
  const [deleting, setDeleting] = useState(false);
  return (
    <article className="card">
      <header>
        <h2>{name}</h2>
        <Badge tone={paused ? "warn" : "good"}>{paused ? "paused" : "active"}</Badge>
        {declared && <Badge>declared</Badge>}
      </header>
      <dl className="facts">
        <dt>Agent</dt>
        <dd>{agent}</dd>
        <dt>Cron</dt>
        <dd>
          <code>{spec?.cron}</code> {spec?.timeZone || "UTC"}
        </dd>
        <dt>Next</dt>
        <dd>{schedule.nextTime ? <Ago time={schedule.nextTime} /> : "not again"}</dd>
        <dt>Last</dt>
        <dd>
          {schedule.lastTime ? <Ago time={schedule.lastTime} /> : "never"}
          {schedule.lastTaskId && (
            <>
              {" · "}
              <a href={`#/tasks/${schedule.lastTaskId}`}>its task</a>
            </>
          )}
        </dd>
        <dt>Fired</dt>
        <dd>
          {countOf(schedule.fired, "time")}, {String(schedule.skipped)} skipped
        </dd>
        <dt>Missed</dt>
        <dd>{stateName(Missed[spec?.missed ?? 0])}</dd>
        <dt>Overlap</dt>
        <dd>{stateName(Overlap[spec?.overlap ?? 0])}</dd>
      </dl>
      {paused && schedule.pauseReason && <p className="soft">Paused: {schedule.pauseReason}</p>}
      {schedule.lastError && <p className="note note-bad">{schedule.lastError}</p>}
      <ErrorNote error={error} />
      <footer className="actions">
        <button type="button" disabled={isPending} onClick={() => change(() => schedules.trigger(name))}>
          Trigger now
        </button>
        <button
          type="button"
          disabled={isPending}
          onClick={() => change(() => (paused ? schedules.resume(name) : schedules.pause(name)))}
        >
          {paused ? "Resume" : "Pause"}
        </button>
        <button
          type="button"
          className="danger"
          disabled={isPending || declared}
          title={declared ? "Its agent declares it" : undefined}
          onClick={() => setDeleting(true)}
        >
          Delete
        </button>
      </footer>
      {deleting && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          text="What it has sent stays."
          action="Delete"
          onConfirm={() => change(() => schedules.delete(name))}
          onClose={() => setDeleting(false)}
        />
      )}
    </article>
  );
}
