import { useMutation } from "@tanstack/react-query";
import { type KeyboardEvent, type SetStateAction, useEffect, useRef, useState } from "react";
import { OnBusy } from "../../client/index.ts";
import { tasks } from "../api.ts";
import { useShortcuts } from "../shortcuts.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { Field } from "../ui/field.tsx";
import { type Draft, sendDraft } from "./draft.ts";

const busyChoices = [
  [OnBusy.UNSPECIFIED, "as the agent says"],
  [OnBusy.QUEUE, "wait for its turn"],
  [OnBusy.STEER, "steer the running turn"],
  [OnBusy.INTERRUPT, "interrupt the running turn"],
  [OnBusy.REJECT, "be refused"],
] as const;

interface ComposerProps {
  taskId: string;
  draft: Draft;
  onEdit(next: SetStateAction<Draft>): void;
  /** Whether one writes into it as soon as it is there. */
  focused: boolean;
}

/** Sends events: text, or parts in JSON, with what goes with them. */
export function Composer({ taskId, draft, onEdit, focused }: ComposerProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const sending = useMutation({
    mutationFn: (sent: Draft) => sendDraft(tasks, taskId, sent),
    // What was written in the meantime is not sent yet.
    onSuccess: (_, sent) =>
      onEdit((now) => ({
        ...now,
        content: now.content === sent.content ? "" : now.content,
        deliver: now.deliver === sent.deliver ? "" : now.deliver,
      })),
  });
  const [begins] = useState(focused);
  useEffect(() => {
    if (begins) field.current?.focus();
  }, [begins]);
  useShortcuts({ c: () => field.current?.focus() });
  const sendable = draft.content !== "" && !sending.isPending;

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "Escape") field.current?.blur();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (sendable) sending.mutate(draft);
  }

  return (
    <form
      className="composer"
      aria-label="Send an event"
      onSubmit={(event) => {
        event.preventDefault();
        sending.mutate(draft);
      }}
    >
      <textarea
        ref={field}
        rows={2}
        aria-label={draft.json ? "Parts in JSON" : "Message"}
        className={draft.json ? "code" : ""}
        placeholder={draft.json ? '[{"data": {"amount": 12}}]' : "Write to the agent …"}
        value={draft.content}
        onChange={(event) => onEdit({ ...draft, content: event.target.value })}
        onKeyDown={onKeyDown}
      />
      <ErrorNote error={sending.error} />
      <div className="composer-bar">
        <label className="check">
          <input
            type="checkbox"
            checked={draft.json}
            onChange={() => onEdit({ ...draft, json: !draft.json })}
          />
          JSON
        </label>
        <label className="check">
          <span aria-hidden="true">If busy:</span>
          <select
            aria-label="If the task is busy"
            value={draft.onBusy}
            onChange={(event) => onEdit({ ...draft, onBusy: Number(event.target.value) })}
          >
            {busyChoices.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <details className="more-options">
          <summary>More</summary>
          <div className="popover">
            <Field label="Type">
              <input
                value={draft.type}
                maxLength={128}
                onChange={(event) => onEdit({ ...draft, type: event.target.value })}
              />
            </Field>
            <Field label="Deliver at" hint="Empty means at once.">
              <input
                type="datetime-local"
                value={draft.deliver}
                onChange={(event) => onEdit({ ...draft, deliver: event.target.value })}
              />
            </Field>
          </div>
        </details>
        <button type="submit" className="solid" title="Send (Ctrl Enter)" disabled={!sendable}>
          Send
        </button>
      </div>
    </form>
  );
}
