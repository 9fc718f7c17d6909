import type { KeyboardEvent } from "react";
import type { TaskView } from "../../client/index.ts";

export const tabs = [
  { id: "conversation", name: "Conversation" },
  { id: "mailbox", name: "Mailbox" },
  { id: "log", name: "Log" },
  { id: "state", name: "State" },
  { id: "children", name: "Children" },
  { id: "details", name: "Details" },
] as const;

export type Tab = (typeof tabs)[number]["id"];

interface TabsProps {
  current: Tab;
  onChange(tab: Tab): void;
  view: TaskView;
}

/** The tabs of a task. The conversation is one of them where there is no room for two columns. */
export function Tabs({ current, onChange, view }: TabsProps) {
  const waiting = view.events.length + view.deadLetters.length;
  return (
    <div className="tabs" role="tablist" aria-label="About the task">
      {tabs.map(({ id, name }) => (
        <button
          key={id}
          id={`tab-${id}`}
          type="button"
          role="tab"
          className={`tab-${id}`}
          aria-selected={id === current}
          aria-controls={id === "conversation" ? "conversation" : "panel"}
          tabIndex={id === current ? 0 : -1}
          onClick={() => onChange(id)}
          onKeyDown={(event) => onArrow(event, onChange)}
        >
          {name}
          {id === "mailbox" && <span className="count">{waiting}</span>}
        </button>
      ))}
    </div>
  );
}

/** Arrows go from tab to tab, as everywhere, and Home and End to the first and the last (https://www.w3.org/WAI/ARIA/apg/patterns/tabs/). */
function onArrow(event: KeyboardEvent<HTMLElement>, onChange: (tab: Tab) => void): void {
  // Where there are two columns, the conversation is no tab.
  const there = tabs.filter(({ id }) => document.getElementById(`tab-${id}`)?.checkVisibility());
  const from = there.findIndex(({ id }) => `tab-${id}` === event.currentTarget.id);
  const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: -1 }[event.key];
  const next = to === undefined ? undefined : there.at(to % there.length);
  if (next === undefined) return;
  event.preventDefault();
  onChange(next.id);
  document.getElementById(`tab-${next.id}`)?.focus();
}
