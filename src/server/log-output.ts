import type { Writable } from "node:stream";

/** The most that waits for a reader who has stalled. */
const maxWaitingBytes = 1_048_576;

/**
 * Makes the function that writes a log's lines to a stream, such as stderr. Nobody waits for it, and nothing fails with it: when its reader
 * has gone, lines go nowhere; when its reader has stalled, at most 1 MiB waits, further lines are dropped, and how many is the first that
 * is written when it reads on, as `lineOf` makes it of JSON. (Node writes to pipes and sockets as far as they take it, and to files and
 * terminals at once.)
 */
export function createLogOutput(
  stream: Pick<Writable, "write" | "writableLength" | "on" | "listeners">,
  lineOf = (line: string) => line,
): (line: string) => void {
  let lost = 0;
  // Without a listener, a reader who has gone would end the process.
  if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
  return (line) => {
    if (stream.writableLength > maxWaitingBytes) {
      lost += 1;
      return;
    }
    if (lost > 0) {
      const [time, message] = [new Date().toISOString(), "lines of the log were dropped"];
      stream.write(lineOf(`${JSON.stringify({ time, level: "warn", message, lost })}\n`));
      lost = 0;
    }
    stream.write(line);
  };
}

function ignore(): void {}
