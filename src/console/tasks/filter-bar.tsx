import { useQuery } from "@connectrpc/connect-query";
import { useMutation } from "@tanstack/react-query";
import type { Ref } from "react";
import { isReason, TaskState } from "../../client/index.ts";
import { AgentService } from "../../proto.ts";
import { pageSize, tasks } from "../api.ts";
import { go, setQuery } from "../router.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { stateName } from "../ui/format.ts";
import { allStates, labelsOf } from "./task-filters.ts";

interface FilterBarProps {
  query: URLSearchParams;
  searchRef: Ref<HTMLInputElement>;
}

/** What of all tasks is shown. It stands in the address, so that it can be shared and comes back with the browser's history. */
export function FilterBar({ query, searchRef }: FilterBarProps) {
  const agents = useQuery(AgentService.method.listAgents, { pageSize });
  const opening = useMutation({ mutationFn: open });
  const names = agents.data?.agents.map(({ name }) => name) ?? [];
  const label = query.get("label") ?? "";
  const agent = query.get("agent") ?? "";
  return (
    <search className="filters">
      <input
        ref={searchRef}
        type="search"
        aria-label="Search"
        placeholder="Name begins with, or id"
        title="Enter opens the task of an id or a name (/)"
        className="wide"
        value={query.get("search") ?? ""}
        onChange={(event) => {
          opening.reset();
          setQuery({ search: event.target.value });
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") opening.mutate(event.currentTarget.value);
        }}
      />
      <select aria-label="Agent" value={agent} onChange={(event) => setQuery({ agent: event.target.value })}>
        <option value="">All agents</option>
        {agent && !names.includes(agent) && <option>{agent}</option>}
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="State"
        value={query.get("state") ?? ""}
        onChange={(event) => setQuery({ state: event.target.value })}
      >
        <option value="">All states</option>
        <option value="open">not finished</option>
        <option value="finished">finished</option>
        {allStates.map((state) => (
          <option key={state} value={TaskState[state]}>
            {stateName(TaskState[state])}
          </option>
        ))}
      </select>
      <input
        aria-label="Labels"
        placeholder="label=value"
        value={label}
        aria-invalid={labelsOf(label) === undefined}
        onChange={(event) => setQuery({ label: event.target.value })}
      />
      {opening.data === false && (
        <p role="alert">There is no unfinished task of that name, and none of that id.</p>
      )}
      <ErrorNote error={opening.error} />
    </search>
  );
}

/** Opens the task of an id or a name. Tells whether there is one. */
async function open(key: string): Promise<boolean> {
  if (key === "") return true;
  for (const found of [key, { name: key }]) {
    try {
      const task = await tasks.get(found);
      go(`/tasks/${task.id}`);
      return true;
    } catch (error) {
      if (!isReason(error, "TASK_NOT_FOUND", "FIELD_INVALID")) throw error;
    }
  }
  return false;
}
