import type { Writable } from "node:stream";

/** How many bytes of one stream may be on their way to its caller before the next message is made. */
const maxUnsent = 64 * 1024;
/** What a message costs beside its own bytes, so that tiny ones are bounded too. */
const messageCost = 256;

/**
 * Sends messages as fast as the caller reads: pulls no further ones while so much is unsent. `onFirst` is called before the first is sent,
 * `watch` when the caller has to read before there are more, and what it returns once it has.
 *
 * A caller that goes away stops the messages.
 */
export async function sendMessages<T>(
  call: Writable,
  messages: AsyncIterable<T>,
  serialize: (message: T) => Buffer,
  onFirst: () => void,
  watch: () => () => void,
): Promise<void> {
  let unsent = 0;
  let isFirst = true;
  for await (const message of messages) {
    if (call.destroyed) return;
    const bytes = serialize(message);
    if (isFirst) onFirst();
    isFirst = false;
    unsent += bytes.length + messageCost;
    if (unsent < maxUnsent) {
      call.write(bytes);
    } else {
      const read = watch();
      await written(call, bytes);
      read();
      unsent = 0;
    }
  }
}

/** Sends a message. Resolves when it and all before it have gone out, or nothing more will. */
function written(call: Writable, message: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off("close", done);
      resolve();
    };
    call.on("close", done);
    call.write(message, done);
  });
}
