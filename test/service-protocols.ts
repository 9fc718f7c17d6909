import { createRegistry } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  createGrpcTransport,
  createConnectTransport as createNodeConnectTransport,
  createGrpcWebTransport as createNodeGrpcWebTransport,
} from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ErrorInfoSchema } from "../src/proto.ts";
import type { Server } from "../src/server/index.ts";

/** Where a server listens. */
export type Urls = Pick<Server, "url" | "grpcUrl">;

/** One way to talk to a server: a port, a protocol, a format, a version of HTTP and a client that speaks them. */
export interface Protocol {
  name: string;
  open(server: Urls): Transport;
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
        open: ({ url: baseUrl }) =>
          createNodeConnectTransport({ baseUrl, httpVersion, useBinaryFormat, jsonOptions }),
      },
      {
        name: `gRPC-Web ${formatName(useBinaryFormat)}, HTTP/${httpVersion}`,
        open: ({ url: baseUrl }) =>
          createNodeGrpcWebTransport({ baseUrl, httpVersion, useBinaryFormat, jsonOptions }),
      },
    ]),
  ),
  ...formats.flatMap((useBinaryFormat): Protocol[] => [
    {
      name: `gRPC ${formatName(useBinaryFormat)}, HTTP/2`,
      open: ({ url: baseUrl }) => createGrpcTransport({ baseUrl, useBinaryFormat, jsonOptions }),
    },
    {
      name: `Connect ${formatName(useBinaryFormat)}, fetch`,
      open: ({ url: baseUrl }) => createConnectTransport({ baseUrl, useBinaryFormat, jsonOptions }),
    },
  ]),
  { name: "gRPC-Web binary, fetch", open: ({ url: baseUrl }) => createGrpcWebTransport({ baseUrl }) },
  ...versions.map((httpVersion) => ({
    name: `Connect JSON with GET, HTTP/${httpVersion}`,
    open: ({ url: baseUrl }: Urls) =>
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
    open: ({ url: baseUrl }) => createConnectTransport({ baseUrl, useBinaryFormat: true, useHttpGet: true }),
  },
  { name: "gRPC binary, at the gRPC door", open: openDoor },
];

/** Opens a transport of gRPC to the gRPC door. */
export function openDoor({ grpcUrl }: Urls): Transport {
  if (grpcUrl === undefined) throw new Error("the server has no gRPC door");
  return createGrpcTransport({ baseUrl: grpcUrl });
}

/** Opens a transport where it does not matter which. */
export function openAny(baseUrl: string): Transport {
  return createGrpcTransport({ baseUrl });
}

function formatName(binary: boolean): string {
  return binary ? "binary" : "JSON";
}
