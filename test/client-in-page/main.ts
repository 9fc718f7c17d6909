import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import type { Place } from "../client-contract/fact.ts";
import { clientContract } from "../client-contract/facts.ts";

const transports = { connect: createConnectTransport, "grpc-web": createGrpcWebTransport };

declare global {
  /** Finds out in this page what a fact of the client's contract comes to, over a protocol. */
  var findFact: (protocol: keyof typeof transports, group: string, name: string) => Promise<unknown>;
}

globalThis.findFact = async (protocol, group, name) => {
  const place: Place = {
    baseUrl: location.origin,
    connect: (baseUrl, fetch = globalThis.fetch.bind(globalThis)) =>
      transports[protocol]({ baseUrl, useBinaryFormat: true, fetch }),
    async script(acts) {
      const id = await ask("/scripts", JSON.stringify(acts));
      const baseUrl = `${location.origin}/scripts/${id}`;
      return {
        baseUrl,
        seen: () => ask(`/scripts/${id}/seen`),
        called: () => ask(`/scripts/${id}/called`),
        cut: () => ask(`/scripts/${id}/cut`),
        left: () => ask(`/scripts/${id}/left`),
      };
    },
  };
  return await clientContract[group]?.find((fact) => fact.name === name)?.find(place);
};

/** Asks the scripted server that the page came from. */
async function ask<T>(path: string, body = ""): Promise<T> {
  const response = await fetch(path, { method: "POST", body });
  return await response.json();
}
