import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCertificates } from "../src/server/http/index.ts";
import { certificateKey } from "../src/server/http/revoked-certificates.ts";
import { jsonLines, runToEnd } from "./cli-rig.ts";
import { agentPath, runCli, urlOf } from "./crash-process.ts";
import { pageCode } from "./readme-code.ts";
import { tempDir } from "./temp-dir.ts";
import { replacePair } from "./tls-files.ts";

describe("the command line over TLS", () => {
  it("serves, and shows its certificate, with what the page on running it makes", async () => {
    const cwd = tempDir();
    const page = pageCode("docs/operations.md", "openssl req -x509");
    const lines = page.trim().split("\n");
    const [serving = "", asking = ""] = lines.splice(-2).map((line) => line.replace("npx pigeonhole ", ""));
    // Smaller keys would do, and larger ones only take longer.
    execFileSync("sh", ["-c", lines.join("\n")], { cwd, stdio: "pipe" });
    const own = ["--port", "0", "--store", "memory:", "--no-console"];
    await using server = runCli([...serving.replace("agent.ts", agentPath("sleeper")).split(" "), ...own], {
      cwd,
    });
    const url = await urlOf(server);
    expect(url).toMatch(/^https:/);
    const args = [...asking.replace("https://127.0.0.1:8080", url).split(" "), "--json"];
    const asked = await runToEnd(args, { cwd });
    expect([asked.code, asked.stderr]).toEqual([0, ""]);
    expect(jsonLines(asked.stdout)).toHaveLength(1);

    const stranger = await runToEnd(["agents", "--server", url, "--ca", "ca.pem", "--json"], { cwd });
    expect(stranger.code).toBe(4);
    expect(JSON.parse(stranger.stderr)).toMatchObject({
      error: { reason: "CONNECTION_LOST", message: expect.stringMatching(/show a certificate: --cert and/) },
    });
    const trusting = await runToEnd(["agents", "--server", url], { cwd });
    expect(trusting.code).toBe(4);
    expect(trusting.stderr).toMatch(/^pigeonhole: the server cannot be reached: .*--ca must name.*\n$/);

    const doctor = await runToEnd(["doctor", "--port", new URL(url).port, ...args.slice(1)], { cwd });
    expect(jsonLines(doctor.stdout)).toMatchObject([
      {},
      { what: "port", verdict: "note", message: expect.stringContaining("by a server that is healthy") },
      {},
      { what: "server", verdict: "ok", message: `${url} is healthy` },
      { what: "clock", verdict: "ok", message: expect.stringContaining("as the server's") },
    ]);

    execFileSync("sh", ["-c", pageCode("docs/operations.md", "-gencrl")], { cwd, stdio: "pipe" });
    const pair = { cert: join(cwd, "server.pem"), key: join(cwd, "server.key") };
    const lists = { ...pair, clientCa: join(cwd, "ca.pem"), clientCrl: join(cwd, "ca.crl") };
    const certificates = await openCertificates(lists, { info() {}, warn() {}, error() {} });
    certificates.close();
    const revoked = new X509Certificate(readFileSync(join(cwd, "agent.pem")));
    expect(certificates.content.revoked).toEqual(new Set([certificateKey(revoked)]));

    writeFileSync(pair.key, "no key");
    server.kill("SIGHUP");
    await server.printed(/cannot be used; those before stay/);
    replacePair(pair, { cert: join(cwd, "agent.pem"), key: join(cwd, "agent.key") });
    server.kill("SIGHUP");
    await server.printed(/"the certificates were read again".*CN=agent/);
    expect((await runToEnd(args, { cwd })).code).toBe(0);
  });
});

describe("serve", () => {
  it("says that only this machine reaches it, or why it does not start where others would", async () => {
    const own = ["serve", agentPath("sleeper"), "--port", "0", "--store", "memory:", "--no-console"];
    await using server = runCli(own);
    await server.printed(/It listens on loopback: only this machine reaches it\./);
    const open = await runToEnd([...own, "--host", "0.0.0.0"]);
    expect([open.code, open.stderr]).toEqual([
      2,
      expect.stringMatching(/nothing says who may call.*--insecure/),
    ]);
    await using insecure = runCli([...own, "--host", "0.0.0.0", "--insecure"]);
    await insecure.printed(/everybody who can reach the server may call/);
    expect(await urlOf(insecure)).toMatch(/localhost/);
    expect(insecure.stdout()).not.toMatch(/loopback/);
  });

  it("takes no limit that is out of its bounds, and no half of TLS", async () => {
    const own = ["serve", agentPath("sleeper"), "--port", "0", "--store", "memory:"];
    const pair = ["--tls-cert", "server.pem", "--tls-key", "server.key"];
    const [limit, tls, crl] = await Promise.all([
      runToEnd([...own, "--max-parts", "65"]),
      runToEnd([...own, "--tls-cert", "server.pem"]),
      runToEnd([...own, ...pair, "--tls-client-crl", "ca.crl"]),
    ]);
    expect([limit?.code, limit?.stderr]).toEqual([
      2,
      expect.stringMatching(/--max-parts must be .* from 1 to 64/),
    ]);
    expect([tls?.code, tls?.stderr]).toEqual([2, expect.stringMatching(/both --tls-cert and --tls-key/)]);
    expect([crl?.code, crl?.stderr]).toEqual([
      2,
      expect.stringMatching(/--tls-client-crl needs --tls-client-ca/),
    ]);
  });
});
