import { createRegistry } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  createGrpcTransport,
  createConnectTransport as createNodeConnectTransport,
} from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../src/proto.ts";
import { type Server, serve } from "../src/server/index.ts";
import scribe from "./agents/scribe.ts";
import type { Connect } from "./client-contract/fact.ts";
import { clientContract } from "./client-contract/facts.ts";
import { type ScriptedServer, serveScripts } from "./client-contract/scripted-server.ts";

/** JSON names the types of what an error carries, so that its reader has to know them. */
const registry = createRegistry(ErrorInfoSchema);

/** Over `fetch`, as in a browser: the facts may name theirs. */
const overFetch: Record<string, Connect> = {
  "Connect over fetch": (baseUrl, fetch) =>
    createConnectTransport({ baseUrl, useBinaryFormat: true, ...(fetch && { fetch }) }),
  "Connect over fetch, in JSON": (baseUrl, fetch) =>
    createConnectTransport({ baseUrl, jsonOptions: { registry }, ...(fetch && { fetch }) }),
  "gRPC-Web over fetch": (baseUrl, fetch) => createGrpcWebTransport({ baseUrl, ...(fetch && { fetch }) }),
};

const overNode: Record<string, (baseUrl: string) => Transport> = {
  "Connect over HTTP/1.1": (baseUrl) => createNodeConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect over HTTP/2": (baseUrl) => createNodeConnectTransport({ baseUrl, httpVersion: "2" }),
  "gRPC over HTTP/2": (baseUrl) => createGrpcTransport({ baseUrl }),
};

describe.each(Object.entries({ ...overFetch, ...overNode }))("over %s", (name, connect) => {
  let server: Server;
  let scripted: ScriptedServer;
  beforeAll(async () => {
    server = await serve({ agents: [scribe], store: "memory:", port: 0, drain: 0 });
    scripted = await serveScripts({ http2: name.endsWith("HTTP/2") });
  });
  afterAll(async () => {
    await scripted[Symbol.asyncDispose]();
    await server.close();
  });

  for (const [group, facts] of Object.entries(clientContract)) {
    // What breaks its `fetch` off needs a transport that has one.
    const fitting = facts.filter(
      ({ name: fact }) => name in overFetch || !fact.includes("connection breaks"),
    );
    describe(group, () => {
      it.each(fitting)("$name", async ({ find, expected }) => {
        const place = { connect, baseUrl: server.url, script: scripted.script };
        expect(await find(place)).toEqual(expected);
      });
    });
  }
});
