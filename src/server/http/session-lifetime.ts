import type { Http2Server } from "node:http2";
import type { Socket } from "node:net";

/** Keeps what Node has of a session until a stream of it is collected as garbage. */
const kept = new FinalizationRegistry<unknown>(() => {});

/**
 * Sees to it that Node lets go of the streams of HTTP/2 before it lets go of their session.
 *
 * A stream that ends while its answer is on the way to the socket stays until that is told what became of it, and is garbage then. With it
 * stay the fields of a request that had not come to their end, or that must not come. Those are counted with the session, and an assertion
 * ends the process when the session goes without them (`current_nghttp2_memory_`, as of Node 26.10): whoever asked for an answer, did not
 * read it, sent such fields and hung up could do that. What Node has of a session has no public name; where it is not found, it is as Node
 * would have it.
 */
export function keepSessionsForTheirStreams(server: Http2Server): void {
  endSessionsWithTheirSockets(server);
  let handle: symbol | undefined;
  server.on("session", (session) => {
    handle ??= Object.getOwnPropertySymbols(session).find(({ description }) => description === "kHandle");
    session.on("stream", (stream) => {
      // Kept by the stream, and not by the session, which would keep itself so.
      const native = handle && Reflect.get(session, handle);
      stream.once("close", () => {
        if (!stream.writableFinished) kept.register(stream, native);
      });
    });
  });
}

/** Node ends a session as soon as its socket has an error, and is told no more of what is being written: those streams would stay for ever. */
function endSessionsWithTheirSockets(server: Http2Server): void {
  let before: unknown[] = [];
  server.prependListener("connection", (socket: Socket) => {
    before = socket.listeners("error");
  });
  // Node's own listener is called between these two.
  server.on("connection", (socket: Socket) => {
    for (const listener of socket.listeners("error"))
      if (!before.includes(listener)) socket.off("error", listener as () => void);
    // What is broken closes, and that ends the session.
    socket.on("error", () => {});
  });
}
