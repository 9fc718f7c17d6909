import {
  EventState,
  Handler,
  MessageState,
  type Part,
  TaskState,
  type TaskUpdate,
} from "../../client/index.ts";
import { shorten, stateName } from "../ui/format.ts";

/** Tells an entry of the log in one line. */
export function describeEntry({ entry }: TaskUpdate): { kind: string; text: string } {
  switch (entry.case) {
    case "task":
      return {
        kind: "task",
        text: [stateName(TaskState[entry.value.state]), entry.value.statusReason].filter(Boolean).join(": "),
      };
    case "event": {
      const { state, sequence, attempt, lastError, parts } = entry.value;
      const tried = attempt > 0 ? `, attempt ${attempt}` : "";
      const rest = lastError?.message ?? textOf(parts);
      return {
        kind: "event",
        text: `#${sequence} ${stateName(EventState[state])}${tried}${rest && `: ${rest}`}`,
      };
    }
    case "message": {
      const { state, parts } = entry.value;
      const said = textOf(parts);
      return { kind: "message", text: `${stateName(MessageState[state])}${said && `: ${said}`}` };
    }
    case "delta": {
      const { change } = entry.value;
      return {
        kind: "delta",
        text: change.case === "part" ? textOf([change.value]) : oneLine(change.value ?? ""),
      };
    }
    case "superseded": {
      const { handler, attempt, error } = entry.value;
      return {
        kind: "superseded",
        text: `${stateName(Handler[handler])}, attempt ${attempt}: ${error?.message ?? ""}`,
      };
    }
    default:
      return { kind: "other", text: "" };
  }
}

function textOf(parts: readonly Part[]): string {
  const said = parts.map(({ content }) =>
    typeof content.value === "string" ? content.value : `[${content.case}]`,
  );
  return oneLine(said.join(" "));
}

function oneLine(text: string): string {
  return shorten(text, 200).replaceAll("\n", "↵");
}
