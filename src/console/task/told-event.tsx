import { memo } from "react";
import type { Event } from "../../client/index.ts";
import { Badge } from "../ui/badge.tsx";
import { formatFull, formatTime } from "../ui/format.ts";
import { Parts } from "./parts.tsx";

/** An event that the agent was told, among the messages. */
export const ToldEvent = memo(function ToldEvent({ event }: { event: Event }) {
  return (
    <article className="message message-user" data-event={event.id}>
      <header>
        <span className="author">{event.sender || "Event"}</span>
        {event.type && <Badge>{event.type}</Badge>}
        <time className="soft" title={formatFull(event.createTime)}>
          {formatTime(event.createTime)}
        </time>
      </header>
      <Parts parts={event.parts} />
    </article>
  );
});
