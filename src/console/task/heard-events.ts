import { type Event, EventState, type Message, MessageAuthor, type TaskUpdate } from "../../client/index.ts";

/** An event that a turn has taken, and where in the log. */
export interface HeardEvent {
  readonly event: Event;
  /** The sequence of the entry that says so. */
  readonly place: bigint;
}

/** The events that turns have taken, in their order: one each time that it was put into the mailbox. */
export type HeardEvents = Map<string, HeardEvent>;

/** What the conversation shows: what the agent shows, and what it was told. */
export type Said = { message: Message; event?: never } | { event: Event; message?: never };

/** Notes an event that an entry of the log tells to be taken. `events` has its content. Its next attempts are nothing new. */
export function hear(heard: HeardEvents, { entry, sequence }: TaskUpdate, events: readonly Event[]): void {
  if (entry.case !== "event" || entry.value.state !== EventState.PROCESSING) return;
  const event = events.find(({ id }) => id === entry.value.id);
  const key = `${entry.value.id} ${event?.sequence}`;
  if (event !== undefined && !heard.has(key)) heard.set(key, { event, place: sequence });
}

/**
 * Puts the events that were taken, up to a sequence, among the messages. Events are no messages: an agent may show them as those of its
 * user, in its own words; where it does, that stands for the event.
 */
export function withEvents(messages: readonly Message[], heard: HeardEvents, until: bigint): readonly Said[] {
  const shown = new Set<string>();
  for (const { author, eventId } of messages) if (author === MessageAuthor.USER) shown.add(eventId);
  // Of an event that was redriven, the last time that it was taken.
  const last = new Map<string, HeardEvent>();
  for (const one of heard.values())
    if (one.place <= until && !shown.has(one.event.id)) last.set(one.event.id, one);
  const waiting = [...heard.values()].filter((one) => last.get(one.event.id) === one);
  const said: Said[] = [];
  let next = 0;
  for (const message of messages) {
    for (let one = waiting[next]; one && one.place < message.sequence; one = waiting[++next])
      said.push({ event: one.event });
    said.push({ message });
  }
  for (const { event } of waiting.slice(next)) said.push({ event });
  return said;
}
