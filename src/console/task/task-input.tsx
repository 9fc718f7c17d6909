import { useState } from "react";
import type { Task } from "../../client/index.ts";
import { useShortcuts } from "../shortcuts.ts";
import { Composer } from "./composer.tsx";
import { QuestionForm } from "./question-form.tsx";

/** What can be said to a task: the answer to its question, if it asks one, and anything else. */
export function TaskInput({ task }: { task: Task }) {
  const [more, setMore] = useState(false);
  useShortcuts({ c: () => setMore(true) });
  if (task.question === undefined) return <Composer taskId={task.id} focused={false} />;
  return (
    <>
      <QuestionForm key={task.question.id} taskId={task.id} question={task.question} />
      {more ? (
        <Composer taskId={task.id} focused />
      ) : (
        <button type="button" className="quiet something-else" onClick={() => setMore(true)}>
          Send something else
        </button>
      )}
    </>
  );
}
