import { createRegistry } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  createGrpcTransport,
  createConnectTransport as createNodeConnectTransport,
  createGrpcWebTransport as createNodeGrpcWebTransport,
} from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ErrorInfoSchema } from "../src/proto.ts";

/** One way to talk to a server: a protocol, a format, a version of HTTP and a client that speaks them. */
export interface Protocol {
  name: string;
  open(baseUrl: string): Transport;
}

/** What a client of JSON must know to read the errors in a log. */
const jsonOptions = { registry: createRegistry(ErrorInfoSchema) };
const versions = ["1.1", "2"] as const;
const formats = [false, true] as const;

/** All ways in which a server can be talked to. */
export const protocols: Protocol[] = [
  ...versions.flatMap((httpVersion) =>
    formats.flatMap((useBinaryFormat): Protocol[] => [
      {
        name: `Connect ${formatName(useBinaryFormat)}, HTTP/${httpVersion}`,
        open: (baseUrl) => createNodeConnectTransport({ baseUrl, httpVersion, useBinaryFormat, jsonOptions }),
      },
      {
        name: `gRPC-Web ${formatName(useBinaryFormat)}, HTTP/${httpVersion}`,
        open: (baseUrl) => createNodeGrpcWebTransport({ baseUrl, httpVersion, useBinaryFormat, jsonOptions }),
      },
    ]),
  ),
  ...formats.flatMap((useBinaryFormat): Protocol[] => [
    {
      name: `gRPC ${formatName(useBinaryFormat)}, HTTP/2`,
      open: (baseUrl) => createGrpcTransport({ baseUrl, useBinaryFormat, jsonOptions }),
    },
    {
      name: `Connect ${formatName(useBinaryFormat)}, fetch`,
      open: (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat, jsonOptions }),
    },
  ]),
  { name: "gRPC-Web binary, fetch", open: (baseUrl) => createGrpcWebTransport({ baseUrl }) },
  ...versions.map((httpVersion) => ({
    name: `Connect JSON with GET, HTTP/${httpVersion}`,
    open: (baseUrl: string) =>
      createNodeConnectTransport({
        baseUrl,
        httpVersion,
        useBinaryFormat: false,
        useHttpGet: true,
        jsonOptions,
      }),
  })),
  {
    name: "Connect binary with GET, fetch",
    open: (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true, useHttpGet: true }),
  },
];

/** Opens a transport where it does not matter which. */
export function openAny(baseUrl: string): Transport {
  return createGrpcTransport({ baseUrl });
}

function formatName(binary: boolean): string {
  return binary ? "binary" : "JSON";
}
