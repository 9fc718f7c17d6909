import { once } from "node:events";
import { createServer } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { tracesUrl } from "../src/cli/otlp-traces.ts";
import { createClient } from "../src/client/index.ts";
import { agentPath, runCli, urlOf } from "./crash-process.ts";

it("the command line sends traces to a collector, the last ones when it stops", async () => {
  const posted: { path: string; body: string }[] = [];
  const collector = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    posted.push({ path: request.url ?? "", body });
    response.end("{}");
  });
  onTestFinished(() => void collector.close());
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  const address = collector.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await using server = runCli(
    [
      "serve",
      agentPath("scribe"),
      "--port",
      "0",
      "--store",
      "memory:",
      "--otlp-endpoint",
      `http://127.0.0.1:${port}`,
    ],
    { env: { OTEL_SERVICE_NAME: "the-service" } },
  );
  await createClient({ baseUrl: await urlOf(server) }).tasks.create({ agent: "scribe" });
  server.kill("SIGTERM");
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(posted.map(({ path }) => path)).toContain("/v1/traces");
  const sent = posted.map(({ body }) => body).join();
  expect(sent).toContain("pigeonhole.v1.TaskService/CreateTask");
  expect(sent).toContain("process scribe");
  expect(sent).toContain("the-service");
});

it("the command line refuses a collector that is no URL", async () => {
  await using server = runCli(["serve", agentPath("scribe"), "--otlp-endpoint", "collector"]);
  expect((await server.exited).code).toBe(2);
  expect(server.stderr()).toContain("--otlp-endpoint must be an http: or https: URL");
});

it.each([
  ["http://a.example:4318", "http://a.example:4318/v1/traces"],
  ["http://a.example/otlp/", "http://a.example/otlp/v1/traces"],
  ["https://a.example/v1/traces?key=1", "https://a.example/v1/traces?key=1"],
  ["http://a.example/v1/traces/", "http://a.example/v1/traces"],
])("traces for %s are posted to %s", (endpoint, url) => {
  expect(tracesUrl(endpoint)).toBe(url);
});
