import type { Logger, Messages } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import { encodeParts, parseContent } from "./content.ts";
import { authorOf, createMessageStream } from "./message-stream.ts";
import type { TurnOutput } from "./turn-output.ts";

/** The most messages of a turn: if it fails, one entry of the log names them all. */
const maxMessages = 50_000;

export interface TurnMessagesOptions {
  output: TurnOutput;
  clock: Clock;
  log: Logger;
  told: (error: unknown) => unknown;
  /** Throws once the turn is over. */
  requireOpen(): void;
}

/** Makes what a turn shows its messages with, and a way to end what is still streaming. */
export function createTurnMessages({ output, clock, log, told, requireOpen }: TurnMessagesOptions) {
  /** What ends the messages that are streaming. */
  const open = new Set<() => void>();
  let begun = 0;
  const messages: Messages = {
    send: (content, options) =>
      shown(async () => {
        requireOpen();
        const author = authorOf(options);
        const bytes = encodeParts(parseContent(content));
        begin();
        const id = clock.id();
        output.push({ kind: "message", id, author, content: bytes, done: true }, bytes.byteLength);
        await output.room();
        return id;
      }),
    stream(options) {
      requireOpen();
      begin();
      const { stream, end } = createMessageStream(clock.id(), authorOf(options), output, requireOpen);
      open.add(end);
      return {
        id: stream.id,
        write: (addition) => shown(() => stream.write(addition)),
        end: () =>
          shown(async () => {
            await stream.end();
            open.delete(end);
          }),
      };
    },
  };
  return {
    messages,
    end() {
      for (const end of open) end();
    },
  };

  function begin(): void {
    if (begun >= maxMessages)
      throw new TaskError("VALUE_INVALID", `a turn may begin ${maxMessages} messages in all`);
    begun += 1;
  }

  /**
   * Makes a call whose failure is a rejection, and no unhandled one if the handler does not wait for it: a callback that comes once
   * the turn is over must not end the process. What is lost through a mistake of the agent is in the log.
   */
  function shown<T>(call: () => Promise<T>): Promise<T> {
    const result = call();
    result.catch((error: unknown) => {
      const isMistake = error instanceof TaskError && error.reason === "VALUE_INVALID";
      if (isMistake) log.warn("a handler cannot show what it wants to", { error: told(error) });
    });
    return result;
  }
}
