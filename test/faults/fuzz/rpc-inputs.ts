import { gzipSync } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { type Format, streamFormats, unaryFormats } from "../../http-rig.ts";
import { mutate } from "./mutate.ts";
import { pathOf } from "./services.ts";
import { createSource, type Source } from "./values.ts";
import { wildBinary } from "./wild-binary.ts";
import { wildJson } from "./wild-json.ts";

/** A request for an RPC whose HTTP is right, whatever its body is. */
export interface RpcInput {
  seed: number;
  rpc: DescMethod;
  format: Format;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** How long a call may go on that would wait, for what never comes. */
const patience = 300;

/** A gzip of so much nothing, made once. */
const bombs = [5, 64].map((megabytes) => gzipSync(Buffer.alloc(megabytes << 20), { level: 9 }));

/** Makes the input that a seed stands for. */
export function rpcInput(
  seed: number,
  rpcs: readonly DescMethod[],
  known: Source["known"],
  version: 1 | 2,
): RpcInput {
  const { between, chance } = createSource(seed, known);
  const rpc = rpcs[between(0, rpcs.length - 1)];
  if (rpc === undefined) throw new Error("there are no RPCs");
  // What would take away what the others are about finds it only now and then: less often where there is less of it.
  const finds = chance(/^Delete/.test(rpc.name) ? 0.12 : rpc.name === "CancelTask" ? 0.06 : 1);
  const source = createSource(seed ^ 0x5f5f5f, finds ? known : new Map());
  // Trailers after a body are HTTP/2's, and so is a request that goes on while it is answered.
  const formats = (rpc.methodKind === "unary" ? unaryFormats : streamFormats).filter(({ contentType }) =>
    version === 2
      ? contentType.startsWith("application/grpc+")
      : !contentType.startsWith("application/grpc+"),
  );
  const format = source.from(formats, formats[0]);
  if (format === undefined) throw new Error("there are no formats");
  const encode = () =>
    format.json ? Buffer.from(wildJson(rpc.input, source)) : wildBinary(rpc.input, source);
  let message: Uint8Array = encode();
  if (source.chance(0.25)) message = mutate(message, encode(), source);
  const headers: Record<string, string> = {
    "content-type": format.contentType,
    [format.timeoutHeader]: format.timeoutHeader === "grpc-timeout" ? `${patience}m` : String(patience),
  };
  const body = format.enveloped
    ? enveloped(message, encode, headers, format, source)
    : compressed(message, headers, source);
  return { seed, rpc, format, path: pathOf(rpc), headers, body };
}

/** Compresses the body of a unary call in some cases, or only says so. */
function compressed(message: Uint8Array, headers: Record<string, string>, source: Source): Uint8Array {
  if (!source.chance(0.08)) return message;
  headers["content-encoding"] = source.pick(["gzip", "gzip", "gzip", "identity", "br", "gzip, gzip", "x"]);
  return wrung(message, source);
}

/** Gives a message as gzip, which is in some cases broken, endless, or none. */
function wrung(message: Uint8Array, source: Source): Uint8Array {
  const zipped = gzipSync(message, { level: 1 });
  switch (source.between(0, 12)) {
    case 0:
      return message;
    case 1:
      return zipped.subarray(0, source.between(0, zipped.length));
    case 2:
      return mutate(zipped, zipped, source);
    case 3:
      return Buffer.concat([zipped, zipped, Buffer.from("trailing")]);
    case 4:
      return source.chance(0.05) ? source.from(bombs, zipped) : zipped;
    case 5:
      return gzipSync(zipped);
    default:
      return zipped;
  }
}

/** Puts a message into an envelope: in most cases as it should be, else with other flags, lengths, companions. */
function enveloped(
  message: Uint8Array,
  encode: () => Uint8Array,
  headers: Record<string, string>,
  { encodingHeader }: Format,
  source: Source,
): Uint8Array {
  if (source.chance(0.1)) headers[encodingHeader] = source.pick(["gzip", "gzip", "identity", "br", ""]);
  if (source.chance(0.7)) return encodeEnvelope(0, message);
  switch (source.between(0, 8)) {
    case 0:
      return encodeEnvelope(source.pick([1, 2, 3, 4, 128, 129, 255]), message);
    case 1:
      headers[encodingHeader] = "gzip";
      return encodeEnvelope(1, wrung(message, source));
    case 2:
      return Buffer.concat([encodeEnvelope(0, message), encodeEnvelope(0, encode())]);
    case 3:
      return Buffer.concat(Array.from({ length: source.between(2, 200) }, () => encodeEnvelope(0, message)));
    case 4: {
      const wrong = Buffer.from(encodeEnvelope(0, message));
      const { length } = message;
      wrong.writeUInt32BE(
        source.pick([0, length + 1, Math.max(0, length - 1), 4 << 20, (4 << 20) + 1, 2 ** 31, 2 ** 32 - 1]),
        1,
      );
      return wrong;
    }
    case 5:
      return encodeEnvelope(0, message).subarray(0, source.between(0, 5 + message.length));
    case 6:
      return message;
    case 7:
      return new Uint8Array();
    default:
      return mutate(encodeEnvelope(0, message), encode(), source);
  }
}
