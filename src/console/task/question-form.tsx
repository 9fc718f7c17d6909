import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { EventContent, Question } from "../../client/index.ts";
import { tasks } from "../api.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { Field } from "../ui/field.tsx";
import { parseJson } from "../ui/json-view.tsx";
import { Ago } from "../ui/time.tsx";
import { answerOf, fieldsOf, filledIn } from "./schema-fields.ts";
import { SchemaInput } from "./schema-input.tsx";

/** The open question of a task, and a form for its answer, made from its schema. */
export function QuestionForm({ taskId, question }: { taskId: string; question: Question }) {
  const fields = question.schema && fieldsOf(question.schema);
  const [values, setValues] = useState<Record<string, string>>({});
  const [written, setWritten] = useState("");
  const answering = useMutation({
    mutationFn: async () => tasks.send(taskId, content(), { answers: question.id, sender: "console" }),
  });

  function content(): EventContent {
    if (question.schema === undefined) return written;
    return { data: fields ? answerOf(fields, values) : parseJson(written, "The answer") };
  }

  return (
    <form
      className="question"
      aria-label="Answer the question"
      onSubmit={(event) => {
        event.preventDefault();
        answering.mutate();
      }}
    >
      <p className="prompt">{question.prompt}</p>
      {question.expireTime && (
        <p className="soft">
          Closes <Ago time={question.expireTime} />
        </p>
      )}
      {fields?.map((field) => (
        <SchemaInput
          key={field.name}
          field={field}
          value={filledIn(field, values)}
          onChange={(value) => setValues({ ...values, [field.name]: value })}
        />
      ))}
      {fields === undefined && (
        <Field label={question.schema ? "Answer in JSON" : "Answer"}>
          <textarea
            rows={question.schema ? 4 : 2}
            required
            className={question.schema ? "code" : ""}
            value={written}
            onChange={(event) => setWritten(event.target.value)}
          />
        </Field>
      )}
      <ErrorNote error={answering.error} />
      <footer className="actions end">
        <button type="submit" className="solid" disabled={answering.isPending}>
          Answer
        </button>
      </footer>
    </form>
  );
}
