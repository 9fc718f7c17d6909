import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { TaskService } from "../../src/proto.ts";

const path = "/pigeonhole.v1.TaskService/SubscribeTask";

/** Subscribes over HTTP/1.1, reads the beginning of the answer, and never reads again. */
export async function subscribeAndStall(url: string, taskId: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  // What is broken on purpose is no error.
  socket.on("error", () => {});
  const body = requestOf(taskId);
  const head = [`POST ${path} HTTP/1.1`, `Host: ${hostname}`, "Content-Type: application/connect+proto"];
  socket.write(`${[...head, `Content-Length: ${body.length}`].join("\r\n")}\r\n\r\n`);
  socket.write(body);
  await once(socket, "data");
  socket.pause();
  return socket;
}

/** Subscribes many times over one connection of HTTP/2, and resets each stream as soon as its answer begins. */
export async function subscribeAndReset(url: string, taskId: string, times: number): Promise<void> {
  const session = connectHttp2(url);
  session.on("error", () => {});
  for (let n = 0; n < times; n++) {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/connect+proto",
    });
    stream.on("error", () => {});
    stream.end(requestOf(taskId));
    await once(stream, "response");
    stream.close(8);
    await once(stream, "close");
  }
  session.destroy();
}

function requestOf(taskId: string): Uint8Array {
  const { input } = TaskService.method.subscribeTask;
  return encodeEnvelope(0, toBinary(input, create(input, { taskId })));
}
