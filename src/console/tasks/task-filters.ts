import { isFinalState, TaskState } from "../../client/index.ts";

/** Every state that a task can be in. */
export const allStates: readonly TaskState[] = Object.values(TaskState).filter(
  (state): state is TaskState => typeof state === "number" && state !== TaskState.UNSPECIFIED,
);

/** Which tasks to ask the server for, by what stands in the address. */
export function requestOf(query: URLSearchParams) {
  return {
    agent: query.get("agent") ?? "",
    states: statesOf(query.get("state") ?? ""),
    labels: labelsOf(query.get("label") ?? "") ?? {},
    namePrefix: query.get("search") ?? "",
  };
}

/** The states that a choice stands for: `open`, `finished`, the name of one, or nothing for all. */
function statesOf(choice: string): TaskState[] {
  switch (choice) {
    case "open":
      return allStates.filter((state) => !isFinalState(state));
    case "finished":
      return allStates.filter(isFinalState);
    default:
      return allStates.filter((state) => TaskState[state] === choice);
  }
}

/** Parses labels such as `team=blue, tier=1`. Gives nothing if they are none. */
export function labelsOf(text: string): Record<string, string> | undefined {
  const pairs = text
    .split(",")
    .map((pair) => pair.trim())
    .filter(Boolean)
    .map((pair) => /^([^=\s]+)\s*=\s*(.*)$/.exec(pair));
  const labels: Record<string, string> = {};
  for (const pair of pairs) {
    const [, key, value] = pair ?? [];
    if (key === undefined || value === undefined) return undefined;
    labels[key] = value;
  }
  return labels;
}

/** Whether a text is the id of a task. */
export function isTaskId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
