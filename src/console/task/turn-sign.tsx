import { type Event, EventState } from "../../client/index.ts";

/** Says what the agent is at. It has the same height whether it says something or not, so that nothing jumps. */
export function TurnSign({ events }: { events: readonly Event[] }) {
  const running = events.filter(({ state }) => state === EventState.PROCESSING);
  const retried = events.find(({ state, attempt }) => state === EventState.QUEUED && attempt > 0);
  const [first] = running;
  return (
    <p className="turn-sign" role="status">
      {first && (
        <>
          <span className="pulse" aria-hidden="true" />
          Working on event #{String(first.sequence)}
          {running.length > 1 && ` and ${running.length - 1} more`}
          {first.attempt > 1 && `, attempt ${first.attempt}`}
        </>
      )}
      {!first &&
        retried &&
        `Attempt ${retried.attempt} failed: ${retried.lastError?.message ?? "no reason"}. It is tried again.`}
    </p>
  );
}
