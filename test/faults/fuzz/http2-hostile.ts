import type { Source } from "./values.ts";

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** The types of frames (RFC 9113, 6). */
const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  window: 8,
  continuation: 9,
};

/** Writes a frame. The length that is told may be another than the payload's. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length & 0xffffff, 0, 3);
  head.writeUInt8(type & 255, 3);
  head.writeUInt8(flags & 255, 4);
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** Writes header fields as HPACK has them without its tables: literal, neither indexed nor compressed (RFC 7541, 6.2.2). */
export function fields(...pairs: (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

function integer(value: number, bits: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.of(value);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

const path = "/pigeonhole.v1.TaskService/ListTasks";
const call = (...more: (readonly [string, string])[]) =>
  fields(
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "a"],
    ["content-type", "application/json"],
    ...more,
  );

/** What goes on top of a request, each of which a server has to refuse. */
const oddFields: readonly (readonly [string, string])[] = [
  ["connection", "close"],
  ["transfer-encoding", "chunked"],
  ["Upper", "x"],
  ["x\0y", "x"],
  ["x", "a\r\nb: c"],
  ["x", "a\0b"],
  ["", "x"],
  [":status", "200"],
  [":path", "/again"],
  [":protocol", "websocket"],
  ["content-length", "-1"],
  ["content-length", "5"],
  ["host", "b"],
  ["te", "gzip"],
  ["x", "y".repeat(20_000)],
  ["__proto__", "polluted"],
  ["content-type", "application/grpc"],
  ["grpc-timeout", "1n"],
  ["connect-timeout-ms", "1"],
];

const hpackGarbage = [
  "80",
  "ff80808080808080808001",
  "3fffffffffffff",
  "40ff",
  "0085",
  "00817f00",
  "be",
  "20",
  "3fe1ff03",
  "008400000000",
];

/** Makes what is sent over one connection of HTTP/2: calls, and frames of all kinds between and instead of them. */
export function hostileHttp2(source: Source): { bytes: Buffer; frames: number } {
  const pieces = [
    source.chance(0.98) ? preface : preface.subarray(0, source.between(3, 24)),
    frame(types.settings, 0, 0, Buffer.alloc(0)),
  ];
  const count = source.between(1, 20);
  let stream = 1;
  for (let at = 0; at < count; at++) {
    const found = source.chance(0.4) ? wholeCall(source, stream) : strangeFrame(source, stream);
    pieces.push(found);
    if (source.chance(0.6)) stream += 2;
  }
  return { bytes: Buffer.concat(pieces), frames: count + 1 };
}

function wholeCall(source: Source, stream: number): Buffer {
  const more: (readonly [string, string])[] = source.chance(0.5) ? [source.from(oddFields, ["x", "y"])] : [];
  const block = source.chance(0.05) ? Buffer.from(source.pick(["80", "82", "ff"]), "hex") : call(...more);
  return Buffer.concat([
    frame(types.headers, 4, stream, block),
    frame(types.data, 1, stream, Buffer.from("{}")),
  ]);
}

function strangeFrame(source: Source, current: number): Buffer {
  const stream = source.pick([current, current, 0, current - 2, current + 1, 1, 2 ** 31 - 1, 2 ** 32 - 1]);
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    return bytes;
  };
  switch (source.between(0, 11)) {
    case 0:
      return frame(source.between(0, 20), source.between(0, 255), stream, bytesOf(source, 64));
    case 1:
      return frame(
        source.between(0, 9),
        source.between(0, 255),
        stream,
        bytesOf(source, 20),
        source.pick([0, 1, 4, 5, 8, 16_384, 16_385, 2 ** 24 - 1]),
      );
    case 2: {
      // Padding that is longer than the frame.
      const payload = Buffer.concat([Buffer.of(source.pick([0, 1, 200, 255])), bytesOf(source, 30)]);
      return frame(
        source.pick([types.data, types.headers]),
        source.pick([8, 9, 12, 13, 44]),
        stream,
        payload,
      );
    }
    case 3:
      return frame(
        types.headers,
        source.pick([0, 1, 4, 5, 32, 36]),
        stream,
        Buffer.from(source.from(hpackGarbage, "80"), "hex"),
      );
    case 4:
      return frame(types.window, 0, stream, u32(source.pick([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])));
    case 5: {
      const setting = Buffer.alloc(6);
      setting.writeUInt16BE(source.pick([0, 1, 2, 3, 4, 5, 6, 8, 9, 255, 65_535]), 0);
      setting.writeUInt32BE(
        source.pick([0, 1, 100, 16_383, 16_384, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]),
        2,
      );
      return frame(types.settings, source.pick([0, 0, 0, 1]), source.pick([0, 0, 0, 1]), setting);
    }
    case 6:
      return frame(types.reset, 0, stream, u32(source.pick([0, 1, 2, 8, 99])));
    case 7:
      return frame(
        types.goAway,
        0,
        source.pick([0, stream]),
        Buffer.concat([u32(current), u32(source.pick([0, 2, 11])), bytesOf(source, 30)]),
      );
    case 8:
      return frame(types.continuation, source.pick([0, 4]), stream, call());
    case 9:
      return Buffer.concat([
        frame(types.headers, 0, current, call().subarray(0, 20)),
        frame(types.continuation, source.pick([0, 4]), stream, call().subarray(20)),
      ]);
    case 10:
      return frame(types.push, 4, stream, Buffer.concat([u32(2), call()]));
    default:
      return frame(
        types.ping,
        source.pick([0, 1]),
        source.pick([0, stream]),
        Buffer.alloc(source.pick([0, 7, 8, 8, 9])),
      );
  }
}

function bytesOf(source: Source, most: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: source.between(0, most) }, () => source.between(0, 255)));
}

/** Floods, each of so many frames: what costs a sender little and a server much. */
export const floods: Readonly<Record<string, (count: number) => Iterable<Buffer>>> = {
  settings: (count) => repeat(count, () => frame(types.settings, 0, 0, Buffer.from("000300000064", "hex"))),
  pings: (count) => repeat(count, () => frame(types.ping, 0, 0, Buffer.alloc(8))),
  "rapid resets": (count) =>
    repeat(count, (at) =>
      Buffer.concat([
        frame(types.headers, 4, 2 * at + 1, call()),
        frame(types.reset, 0, 2 * at + 1, Buffer.from("00000008", "hex")),
      ]),
    ),
  continuations: (count) =>
    repeat(count, (at) =>
      at === 0
        ? frame(types.headers, 0, 1, call())
        : frame(types.continuation, 0, 1, fields(["x", "y".repeat(1000)])),
    ),
  "empty data": (count) =>
    repeat(count, (at) =>
      at === 0 ? frame(types.headers, 4, 1, call()) : frame(types.data, 0, 1, Buffer.alloc(0)),
    ),
  "windows of nothing": (count) =>
    repeat(count, (at) =>
      at === 0
        ? frame(types.settings, 0, 0, Buffer.from("000400000000", "hex"))
        : frame(types.headers, 5, 2 * at + 1, call()),
    ),
  priorities: (count) => repeat(count, (at) => frame(types.priority, 0, 2 * at + 1, Buffer.alloc(5))),
  "a table that grows": (count) =>
    repeat(count, (at) =>
      frame(types.headers, 5, 2 * at + 1, Buffer.concat([Buffer.from("3fe1ffff03", "hex"), call()])),
    ),
  "half calls": (count) => repeat(count, (at) => frame(types.headers, 4, 2 * at + 1, call())),
};

function* repeat(count: number, make: (at: number) => Buffer): Iterable<Buffer> {
  for (let at = 0; at < count; at++) yield make(at);
}
