import { defineCommand } from "../command.ts";
import { serverOptions, serverUrl } from "../connect.ts";
import {
  checkClock,
  checkNode,
  checkPort,
  checkServer,
  checkStore,
  type Finding,
  largeStore,
} from "../health.ts";
import { withProgress } from "../progress.ts";
import type { Style } from "../style.ts";
import { clientCertificate, trustAuthorities } from "../tls-client.ts";
import { parseNumber } from "../values.ts";
import { storeOf } from "./store.ts";

const styles: Record<Finding["verdict"], Style> = { ok: "green", note: "yellow", failed: ["red", "bold"] };

export const doctor = defineCommand({
  name: "doctor",
  args: "",
  summary: "Look for what keeps a server from running well: Node, port, store, clock. Changes nothing.",
  options: {
    port: { type: "string", value: "number", summary: "The port to look at. Default 8080." },
    host: { type: "string", value: "address", summary: "The address to look at. Default 127.0.0.1." },
    store: {
      type: "string",
      value: "url",
      summary: "The store to look at. Default: PIGEONHOLE_STORE, or else sqlite:./pigeonhole.db.",
    },
    ...serverOptions,
  },
  async run({ values, output }) {
    trustAuthorities(values);
    const certificate = clientCertificate(values);
    const { host = "127.0.0.1" } = values;
    const store = storeOf(values);
    const port = parseNumber("port", values.port, 1, 65_535) ?? 8080;
    const checks: (() => Promise<Finding>)[] = [
      async () => checkNode(),
      () => checkPort(host, port, certificate),
      () => checkStore(store),
      () => checkServer(serverUrl(values), certificate),
      () => checkClock(serverUrl(values), certificate),
    ];
    const large = largeStore(store);
    if (large !== undefined) output.note(`Reading all of the store, ${large}: that takes a while.`);
    let failed = false;
    for (const check of checks) {
      const finding = await withProgress("looking", check());
      failed ||= finding.verdict === "failed";
      const { verdict, what, message } = finding;
      await output.show(
        finding,
        () => `${output.paint(styles[verdict], verdict.padEnd(6))}  ${what.padEnd(6)}  ${message}\n`,
      );
    }
    return failed ? 1 : 0;
  },
});
