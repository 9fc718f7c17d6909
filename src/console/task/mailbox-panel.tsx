import { useState } from "react";
import { type Event, EventState, isFinalState, type TaskView } from "../../client/index.ts";
import { tasks } from "../api.ts";
import { useChange } from "../lists/list-page.tsx";
import { ErrorNote } from "../ui/error-note.tsx";
import { EventCard } from "./event-card.tsx";

/** How many events of a kind are shown until somebody asks for more. */
const firstShown = 50;

interface MailboxPanelProps {
  taskId: string;
  view: TaskView;
  /** Whether the past is shown, in which nothing can be done. */
  past: boolean;
}

/** The events that are handled, wait, or are dead. Nothing can be done with those of a task that has ended. */
export function MailboxPanel({ taskId, view, past }: MailboxPanelProps) {
  const { change, isPending, error } = useChange();
  const still = past || (view.task !== undefined && isFinalState(view.task.state));
  const inState = (wanted: EventState) => view.events.filter(({ state }) => state === wanted);
  const takeBack = (event: Event) => change(() => tasks.cancelEvent(taskId, event.id));
  const redrive = (event: Event) => change(() => tasks.redrive(taskId, { eventId: event.id }));
  const groups = [
    { name: "In hand", events: inState(EventState.PROCESSING) },
    { name: "Dead-lettered", events: view.deadLetters, action: { name: "Redrive", run: redrive } },
    { name: "Queued", events: inState(EventState.QUEUED), action: { name: "Take back", run: takeBack } },
    {
      name: "Scheduled",
      events: inState(EventState.SCHEDULED),
      action: { name: "Take back", run: takeBack },
    },
  ];
  return (
    <div className="stack">
      <ErrorNote error={error} />
      {view.events.length + view.deadLetters.length === 0 && <p className="empty">The mailbox is empty.</p>}
      {view.deadLetters.length > 1 && !still && (
        <button
          type="button"
          disabled={isPending}
          onClick={() => change(() => tasks.redrive(taskId, { all: true }))}
        >
          Redrive all {view.deadLetters.length}
        </button>
      )}
      {groups.map(({ name, events, action }) => (
        <EventGroup key={name} name={name} events={events} action={still || isPending ? undefined : action} />
      ))}
    </div>
  );
}

interface EventGroupProps {
  name: string;
  events: readonly Event[];
  action: { name: string; run(event: Event): void } | undefined;
}

function EventGroup({ name, events, action }: EventGroupProps) {
  const [shown, setShown] = useState(firstShown);
  if (events.length === 0) return null;
  return (
    <section className="event-group" aria-label={name}>
      <h2>
        {name} <span className="count">{events.length}</span>
      </h2>
      <ul>
        {events.slice(0, shown).map((event) => (
          <li key={event.id}>
            <EventCard event={event} action={action && { name: action.name, run: () => action.run(event) }} />
          </li>
        ))}
      </ul>
      {events.length > shown && (
        <button type="button" onClick={() => setShown(shown * 2)}>
          {events.length - shown} more
        </button>
      )}
    </section>
  );
}
