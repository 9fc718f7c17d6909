import type { Readable } from "node:stream";

/**
 * Reads what is left of a request's body and drops it, also if somebody who had begun to read has gone away without a word: a
 * listener that is left would keep the stream, and with it the connection, waiting to be read.
 */
export function dropBody(source: Readable): void {
  source.removeAllListeners("readable");
  source.resume();
}
