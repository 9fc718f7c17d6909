import { TaskError } from "../errors.ts";

/** How many causes are told, the one of the other. */
const maxCauses = 4;

/** What a log tells of something that was thrown. */
export interface ThrownKind {
  /** The name of its class; of a TaskError, its reason. */
  name: string;
  code?: string | number;
  /** Where it was thrown, a line a frame. */
  stack?: string;
  cause?: ThrownKind;
}

/**
 * Tells what kind of error an agent's code has thrown, and where, without its words: a message, and whatever else hangs on an error, may
 * repeat the event. The message is in the task's log, for those who may read that.
 */
export function withoutWords(thrown: unknown, causes = maxCauses): ThrownKind {
  try {
    if (!(thrown instanceof Error)) return { name: typeof thrown };
    const code: unknown = "code" in thrown ? thrown.code : undefined;
    const stack = framesOf(thrown);
    return {
      name: thrown instanceof TaskError ? thrown.reason : brief(thrown.name),
      ...(typeof code === "number" && { code }),
      ...(typeof code === "string" && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) && { code }),
      ...(stack !== "" && { stack }),
      ...(thrown.cause !== undefined && causes > 0 && { cause: withoutWords(thrown.cause, causes - 1) }),
    };
  } catch {
    return { name: "something that cannot be looked at" };
  }
}

/** The frames of a stack, as V8 writes them, without the message before them, which may have lines that look like frames. */
function framesOf({ stack = "", message }: Error): string {
  const begin = stack.indexOf(message);
  // A message that was changed since does not stand in the stack, and what stands there instead cannot be told from the frames.
  if (begin < 0) return "";
  const lines = stack.slice(begin + message.length).split("\n");
  return lines.filter((line) => /^ {4}at /.test(line)).join("\n");
}

/** A name is the class's, unless somebody has set it to something else. */
function brief(name: unknown): string {
  return typeof name === "string" && /^[\w$.]{1,128}$/.test(name) ? name : "Error";
}
