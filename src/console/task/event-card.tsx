import { type Event, OnBusy } from "../../client/index.ts";
import { Badge, EventBadge } from "../ui/badge.tsx";
import { stateName } from "../ui/format.ts";
import { Ago } from "../ui/time.tsx";
import { Parts } from "./parts.tsx";

interface EventCardProps {
  event: Event;
  action: { name: string; run(): void } | undefined;
}

/** An event, with what it says, what its last attempt failed with, and what can be done with it. */
export function EventCard({ event, action }: EventCardProps) {
  return (
    <article className="event-card">
      <header>
        <span className="sequence">#{String(event.sequence)}</span>
        <EventBadge state={event.state} />
        {event.type && <Badge>{event.type}</Badge>}
        {event.onBusy > OnBusy.QUEUE && <Badge tone="warn">{stateName(OnBusy[event.onBusy])}</Badge>}
        {event.attempt > 0 && <span className="soft">attempt {event.attempt}</span>}
        <span className="soft when">
          <Ago time={event.deliverTime ?? event.createTime} />
        </span>
      </header>
      <div className="event-content">
        <Parts parts={event.parts} />
      </div>
      {event.lastError && <p className="note note-bad">{event.lastError.message}</p>}
      {action && (
        <footer className="actions end">
          <button type="button" onClick={action.run}>
            {action.name}
          </button>
        </footer>
      )}
    </article>
  );
}
