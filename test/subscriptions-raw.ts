import { once } from "node:events";
import { type ClientHttp2Stream, connect } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { SubscribeTaskResponseSchema, TaskService, type TaskUpdate } from "../src/proto.ts";
import { present } from "./service-follow.ts";

/** A connection of HTTP/2 whose flow control is closed: the server may send headers, and not one byte of a body. */
export interface StalledConnection {
  /** Subscribes to a task, over Connect in binary. Resolves when the server has begun to answer. */
  subscribe(taskId: string): Promise<{ read(): Promise<TaskUpdate[]> }>;
  /** Opens the flow control. */
  open(): void;
  /** Breaks the connection. */
  destroy(): void;
}

/** Connects to a server and lets it send nothing. */
export async function connectStalled(url: string): Promise<StalledConnection> {
  const session = connect(url, { settings: { initialWindowSize: 0 } });
  // What is broken on purpose is not an error.
  session.on("error", () => {});
  await once(session, "remoteSettings");
  return {
    async subscribe(taskId) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/pigeonhole.v1.TaskService/SubscribeTask",
        "content-type": "application/connect+proto",
      });
      stream.on("error", () => {});
      const { input } = TaskService.method.subscribeTask;
      stream.end(encodeEnvelope(0, toBinary(input, create(input, { taskId }))));
      await once(stream, "response");
      return { read: () => read(stream) };
    },
    open: () => session.settings({ initialWindowSize: 1 << 20 }),
    destroy: () => session.destroy(),
  };
}

/** Reads a stream of Connect to its end. Heartbeats are left out. */
async function read(stream: ClientHttp2Stream): Promise<TaskUpdate[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const updates: TaskUpdate[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    const data = bytes.subarray(at + 5, end);
    if (bytes[at] === 2) {
      if (data.toString() !== "{}") throw new Error(`the stream ended with ${data}`);
      return updates;
    }
    const update = present(fromBinary(SubscribeTaskResponseSchema, data).update);
    if (update.entry.case !== "heartbeat") updates.push(update);
    at = end;
  }
  throw new Error("the stream broke off");
}
