import { type SetStateAction, useState } from "react";
import type { Task } from "../../client/index.ts";
import { useShortcuts } from "../shortcuts.ts";
import { Composer } from "./composer.tsx";
import { type Draft, emptyDraft } from "./draft.ts";
import { QuestionForm } from "./question-form.tsx";

/** What can be said to a task: the answer to its question, if it asks one, and anything else. */
export function TaskInput({ task: { id, question } }: { task: Task }) {
  const [more, setMore] = useState(false);
  const [draft, setDraft] = useState(emptyDraft);
  // What somebody writes is not taken from them by a question.
  const composing = question === undefined || more || draft.content !== "";
  // Once the composer is there, the key is its own.
  useShortcuts(composing ? {} : { c: () => setMore(true) });
  const edit = (next: SetStateAction<Draft>) => {
    if (question !== undefined) setMore(true);
    setDraft(next);
  };
  return (
    <>
      {question && <QuestionForm key={question.id} taskId={id} question={question} />}
      {composing ? (
        <Composer taskId={id} draft={draft} onEdit={edit} focused={question !== undefined} />
      ) : (
        <button type="button" className="quiet something-else" onClick={() => setMore(true)}>
          Send something else
        </button>
      )}
    </>
  );
}
