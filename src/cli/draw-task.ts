import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Event, EventState, type Superseded, type Task, type TaskUpdate } from "../client/index.ts";
import { partText, stateText, timeText } from "./describe.ts";
import { createMessagesDrawing } from "./draw-messages.ts";
import { clean, type Paint } from "./style.ts";

/** Draws a task's log as it goes on. */
export interface TaskDrawing {
  /** Makes the text that shows an entry: of a message that grows, only what has come. It may end within a line. */
  draw(update: TaskUpdate): string;
  /** Makes what ends the line that was begun, if one was. */
  endLine(): string;
}

/** Makes a drawing of a log of which nothing was drawn. */
export function createTaskDrawing(paint: Paint): TaskDrawing {
  const messages = createMessagesDrawing(paint);
  let shown: Pick<Task, "state" | "statusReason"> | undefined;
  let asked = "";

  return {
    draw(update) {
      const { entry } = update;
      switch (entry.case) {
        case "task":
          return drawTask(entry.value);
        case "event":
          return drawEvent(entry.value);
        case "message":
          return messages.message(entry.value);
        case "delta":
          return messages.delta(entry.value);
        case "superseded":
          messages.forget(entry.value.messageIds);
          return line(paint("yellow", supersededText(entry.value, update)));
        default:
          return "";
      }
    },
    endLine: messages.endLine,
  };

  function line(text: string): string {
    return `${messages.endLine()}${text}\n`;
  }

  function drawTask(task: Task): string {
    const { state, statusReason, question } = task;
    const same = state === shown?.state && statusReason === shown.statusReason;
    shown = task;
    let text = same ? "" : line(`${paint("dim", "*")} ${stateText(paint, task)}`);
    if (question === undefined || question.id === asked) return text;
    asked = question.id;
    const until = question.expireTime === undefined ? "" : `, until ${timeText(question.expireTime)}`;
    text += line(paint(["magenta", "bold"], `? ${question.prompt}`));
    if (question.schema) text += line(paint("dim", `  schema: ${JSON.stringify(question.schema)}`));
    return text + line(paint("dim", `  question ${question.id}${until}`));
  }

  function drawEvent({ id, state, parts, attempt, lastError, sender, type, deliverTime }: Event): string {
    const error = lastError === undefined ? "" : `: ${lastError.message}`;
    const label = `> ${[sender, type].filter((word) => word !== "").join(" ") || "event"}:`;
    const content = `${paint("cyan", label)} ${clean(parts.map(partText).join("\n"))}`;
    switch (state) {
      case EventState.QUEUED:
        return parts.length === 0 ? "" : line(content);
      case EventState.SCHEDULED:
        return parts.length === 0 ? "" : line(`${content} ${paint("dim", `(for ${timeText(deliverTime)})`)}`);
      case EventState.PROCESSING:
        return attempt > 1 ? line(paint("yellow", `! attempt ${attempt}`)) : "";
      case EventState.DEAD_LETTERED:
        return line(paint("red", `! event ${id} is dead-lettered${error}`));
      case EventState.DROPPED:
        return line(paint("yellow", `! event ${id} is dropped${error}`));
      default:
        return "";
    }
  }
}

function supersededText(
  { attempt, error, retryTime, messageIds: { length } }: Superseded,
  { time }: TaskUpdate,
): string {
  // A short wait may be over by the time that it is written.
  const wait = retryTime && time && Math.max(0, timestampMs(retryTime) - timestampMs(time)) / 1000;
  const again = wait === undefined ? "" : `; again in ${wait.toFixed(1)} s`;
  const what = length === 1 ? "the message" : `the ${length} messages`;
  const gone = length === 0 ? "" : `; ${what} that it has shown ${length === 1 ? "is" : "are"} void`;
  return `! attempt ${attempt} had no effect: ${error?.message ?? "no reason is given"}${again}${gone}`;
}
