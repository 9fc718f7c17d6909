import { useEffect, useRef } from "react";
import { singleKeys } from "./settings.ts";

/** What a key does, by the key's name; two keys one after the other are written as in `g t`. */
export type Shortcuts = Readonly<Record<string, () => void>>;

/** How long the second key of two may take, in ms. */
const sequenceTime = 1_200;

/**
 * Makes keys do something for as long as a component is shown. Keys that are typed into a field, pressed with Ctrl, Alt or Meta, or while
 * a dialog is open are left alone.
 */
export function useShortcuts(shortcuts: Shortcuts): void {
  const current = useRef(shortcuts);
  useEffect(() => {
    current.current = shortcuts;
  });
  useEffect(() => {
    let before = { key: "", time: 0 };
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isModified(event)) return;
      if (singleKeys.get() === "off" || isTaken(event.target)) return;
      const follows = event.timeStamp - before.time < sequenceTime;
      const action = (follows && current.current[`${before.key} ${event.key}`]) || current.current[event.key];
      before = { key: event.key, time: event.timeStamp };
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** AltGr, with which many keyboards write brackets, says on Windows that it is Ctrl and Alt. */
function isModified(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState("AltGraph");
}

const typing = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";

/** Whether keys belong to what they are pressed in. */
function isTaken(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]") !== null) return true;
  return target instanceof Element && target.closest(typing) !== null;
}

/** The keys of the console, as its help shows them. */
export const documentedShortcuts: readonly (readonly [keys: string, what: string])[] = [
  ["?", "Show these shortcuts"],
  ["g t", "Go to the tasks"],
  ["g a", "Go to the agents"],
  ["g s", "Go to the schedules"],
  ["g w", "Go to the webhooks"],
  ["d", "Theme: system, light, dark"],
  ["n", "New task"],
  ["/", "Search the tasks"],
  ["j, k", "Next and previous task of the list; Enter opens it"],
  ["c", "In a task: write to it"],
  ["Ctrl Enter", "In a task: send what is written"],
  ["1 to 6", "In a task: conversation, mailbox, log, state, children, details"],
  ["[ and ]", "In a task: one entry of the log back, or forth (time travel)"],
  ["Escape", "In a task: back to now"],
  ["b", "In a task: to the end of the conversation, and follow it"],
  ["i", "In a task: interrupt"],
  ["x", "In a task: cancel"],
];
