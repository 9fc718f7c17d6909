import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { TaskError } from "../../errors.ts";

export interface BodyBounds {
  /** The most bytes of one body. */
  maxBytes: number;
  /** The most bytes of all bodies that are in hand. */
  maxHeld: number;
}

/**
 * Reads the body of a request, whole, and gives it to `use`; it counts as held until that has settled.
 * Rejects with REQUEST_TOO_LARGE, as soon as that is known, or with OVERLOADED if too much is held.
 */
export type WithBody = <T>(
  request: UniversalServerRequest,
  use: (body: Uint8Array) => Promise<T>,
) => Promise<T>;

/** How much is made room for at first: most bodies are smaller. */
const firstRoom = 16_384;

/** Makes the function that reads bodies, of senders that nobody knows yet, within bounds. */
export function createBodyReader({ maxBytes, maxHeld }: BodyBounds): WithBody {
  let held = 0;
  return async ({ header, body }, use) => {
    // What is not streamed has been parsed by somebody else: no signature can be checked on that.
    if (!isStream(body)) throw new TaskError("INTERNAL", "the body of a webhook's request is not streamed");
    if (Number(header.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
    let buffer = Buffer.alloc(0);
    let size = 0;
    try {
      for await (const chunk of body) {
        const start = size;
        size += chunk.byteLength;
        held += chunk.byteLength;
        if (size > maxBytes) throw tooLarge(maxBytes);
        if (held > maxHeld) throw overloaded();
        // Copied into one buffer: kept as they come, a million chunks of one byte would take a hundred times their size.
        if (size > buffer.length) buffer = grown(buffer, start, size);
        buffer.set(chunk, start);
      }
      return await use(buffer.subarray(0, size));
    } finally {
      held -= size;
    }
  };
}

function grown(buffer: Buffer<ArrayBuffer>, used: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.alloc(Math.max(firstRoom, 2 * buffer.length, needed));
  larger.set(buffer.subarray(0, used));
  return larger;
}

function isStream(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

function tooLarge(maxBytes: number): TaskError {
  return new TaskError("REQUEST_TOO_LARGE", `the body has more than ${maxBytes} bytes`);
}

function overloaded(): TaskError {
  const message = "the bodies of too many webhook requests are in hand";
  return new TaskError("OVERLOADED", message, { retryAfter: 1000 });
}
