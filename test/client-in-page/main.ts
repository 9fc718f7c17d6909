import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { clientFacts } from "./client-facts.ts";

const transports = { connect: createConnectTransport, "grpc-web": createGrpcWebTransport };

declare global {
  /** Finds out what each fact comes to in this page, over a protocol. */
  var findFacts: (protocol: keyof typeof transports) => Promise<Record<string, unknown>>;
}

globalThis.findFacts = async (protocol) => {
  const found: Record<string, unknown> = {};
  for (const [name, find] of Object.entries(clientFacts)) {
    found[name] = await find((fetch) =>
      transports[protocol]({ baseUrl: location.origin, useBinaryFormat: true, fetch }),
    );
  }
  return found;
};
