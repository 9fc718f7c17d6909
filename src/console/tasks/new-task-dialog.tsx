import { useQuery } from "@connectrpc/connect-query";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { AgentService } from "../../proto.ts";
import { pageSize, tasks } from "../api.ts";
import { go, setQuery } from "../router.ts";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorNote } from "../ui/error-note.tsx";
import { Field } from "../ui/field.tsx";
import { parseJsonObject } from "../ui/json-view.tsx";
import { labelsOf } from "./task-filters.ts";

interface Draft {
  agent: string;
  event: string;
  name: string;
  params: string;
  labels: string;
}

/** Makes a task, and goes to it. */
export function NewTaskDialog({ agent, onClose }: { agent: string; onClose(): void }) {
  const { data } = useQuery(AgentService.method.listAgents, { pageSize });
  const [draft, setDraft] = useState<Draft>({ agent, event: "", name: "", params: "", labels: "" });
  // The one that is shown: the list of tasks may be that of an agent that is no more.
  const chosen = (data?.agents.find(({ name }) => name === draft.agent) ?? data?.agents[0])?.name ?? "";
  const creation = useMutation({
    mutationFn: () => createTask({ ...draft, agent: chosen }),
    onSuccess: ({ task }) => {
      // Who goes back comes to the list, and not to the dialog again.
      setQuery({ new: "" });
      go(`/tasks/${task.id}`);
    },
  });
  const edit = (field: keyof Draft) => (event: { target: { value: string } }) =>
    setDraft({ ...draft, [field]: event.target.value });
  return (
    <Dialog title="New task" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          creation.mutate();
        }}
      >
        <Field label="Agent">
          <select value={chosen} onChange={edit("agent")}>
            {data?.agents.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </Field>
        <Field label="First event (optional)" hint="Text that the agent is sent together with the task.">
          <textarea rows={3} value={draft.event} onChange={edit("event")} />
        </Field>
        <Field label="Name (optional)" hint="If an unfinished task has that name, it is opened instead.">
          <input value={draft.name} maxLength={256} onChange={edit("name")} />
        </Field>
        <Field label="Parameters (optional)" hint="A JSON object for the agent to read.">
          <textarea
            rows={2}
            className="code"
            value={draft.params}
            placeholder={'{"who": "Ada"}'}
            onChange={edit("params")}
          />
        </Field>
        <Field label="Labels (optional)" hint="As in team=blue, tier=1">
          <input value={draft.labels} onChange={edit("labels")} />
        </Field>
        <ErrorNote error={creation.error} />
        <footer className="actions end">
          <button type="button" onClick={onClose}>
            Go back
          </button>
          <button type="submit" className="solid" disabled={creation.isPending || chosen === ""}>
            Create
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

async function createTask({ agent, event, name, ...draft }: Draft) {
  const params = parseJsonObject(draft.params, "The parameters");
  const labels = labelsOf(draft.labels);
  if (labels === undefined) throw new SyntaxError("The labels must be pairs, as in team=blue, tier=1");
  return tasks.create({ agent, name, labels, ...(params && { params }), ...(event !== "" && { event }) });
}
