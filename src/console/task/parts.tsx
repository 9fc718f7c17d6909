import type { Part } from "../../client/index.ts";
import { PartView } from "./part-view.tsx";
import type { ToolResults } from "./tool-results.ts";

interface PartsProps {
  parts: readonly Part[];
  results?: ToolResults;
  /** Whether the last part is still growing. */
  streaming?: boolean;
}

/** The parts of a message or an event. They are known by their places: one is only ever added at the end. */
export function Parts({ parts, results, streaming = false }: PartsProps) {
  return [...parts.entries()].map(([place, part]) => (
    <PartView
      key={place}
      part={part}
      open={streaming && place === parts.length - 1}
      {...(results && { results })}
    />
  ));
}
