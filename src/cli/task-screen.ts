import type { PigeonholeError, TaskUpdate } from "../client/index.ts";
import { createTaskDrawing } from "./draw-task.ts";
import type { Output } from "./output.ts";
import { clean } from "./style.ts";
import { updateJson } from "./to-json.ts";

/** Shows a task as it goes on: as a conversation, or as the JSON of its log. */
export interface TaskScreen {
  show(update: TaskUpdate): Promise<void>;
  /** Tells that the connection was lost, and is sought again: once for as long as nothing comes and nothing else is wrong. */
  onInterrupt(error: PigeonholeError): void;
  /** Ends the line that was begun, if one was. */
  endLine(): Promise<void>;
}

/** Makes the screen of one task. */
export function createTaskScreen({ json, paint, write, note }: Output): TaskScreen {
  const drawing = createTaskDrawing(paint);
  let told = "";
  const endLine = () => write(json ? "" : drawing.endLine());
  return {
    show(update) {
      told = "";
      return write(json ? `${JSON.stringify(updateJson(update))}\n` : drawing.draw(update));
    },
    onInterrupt({ message }) {
      if (message === told) return;
      told = message;
      void endLine();
      note(clean(`connection lost, trying again: ${message}`));
    },
    endLine,
  };
}
