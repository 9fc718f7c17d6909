// A process of its own, with a listener whose callers hang up on it, and garbage that is collected after each: it tells what is left, if it lives.
import { once } from "node:events";
import { connect as connectHttp2, createServer, type ServerHttp2Session } from "node:http2";
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { frame, frameTypes, healthHeaders, preface } from "./http-raw.ts";
import { startRig } from "./http-rig.ts";

/** More than a connection holds between its ends. */
const body = Buffer.alloc(8 * 1024 * 1024);
const setting = Buffer.from("00047fffffff", "hex");
/** A field, and one that may not stand behind a request. */
const strayFields = Buffer.concat([
  ...[Buffer.from("\0\x01a\x64"), Buffer.alloc(100, "b")],
  Buffer.from("\0\x07:status\x03200"),
]);

async function breakOff(port: number, farewell: Buffer): Promise<void> {
  const socket = connect(port, "127.0.0.1").pause();
  socket.on("error", () => {});
  await once(socket, "connect");
  const ids = Array.from({ length: 20 }, (_, index) => 2 * index + 1);
  const headers = Buffer.from(healthHeaders.toString("latin1").replace("/healthz", "/largest"), "latin1");
  const windows = [frame(frameTypes.settings, 0, 0, setting), frame(8, 0, 0, Buffer.from("7fff0000", "hex"))];
  const requests = ids.map((id) => frame(frameTypes.headers, 4, id, headers));
  socket.write(Buffer.concat([preface, ...windows, ...requests]));
  // The socket is full by then.
  await setTimeout(100);
  for (const id of ids) socket.write(frame(frameTypes.headers, 5, id, strayFields));
  socket.write(farewell);
  await setTimeout(20);
  socket.resetAndDestroy();
  await setTimeout(20);
}

/** Finds the class of sessions, which Node does not tell. */
async function classOfSessions(): Promise<() => ServerHttp2Session> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const client = connectHttp2(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
  const [session] = await once(server, "session");
  client.destroy();
  server.close();
  return session.constructor;
}

const sessions = await classOfSessions();
const rig = await startRig({ fallback: async () => ({ status: 200, body, header: new Headers() }) });
for (let round = 0; round < 5; round++) {
  // An error, with which the session ends before its connection does, or none.
  for (const code of ["", "0000000000000002"]) {
    await breakOff(
      rig.address.port,
      frame(
        code === "" ? frameTypes.ping : frameTypes.goAway,
        0,
        0,
        Buffer.from(code || "00".repeat(8), "hex"),
      ),
    );
    globalThis.gc?.();
  }
}
let left = Number.POSITIVE_INFINITY;
for (let tries = 0; tries < 60 && left > 0; tries++) {
  await setTimeout(20);
  globalThis.gc?.();
  left = queryObjects(sessions, { format: "count" });
}
await rig.close(0);
process.stdout.write(`it lives, and ${left} sessions are left`);
