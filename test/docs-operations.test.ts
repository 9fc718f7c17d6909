import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { readServeSettings } from "../src/cli/serve-settings.ts";
import { createClient, EventWait, TaskState } from "../src/client/index.ts";
import { defineAgent, serve } from "../src/server/index.ts";
import { collect } from "./agents/rig.ts";
import { hasFor } from "./clients-rig.ts";
import { atAddress, pageCode, root } from "./readme-code.ts";
import { serving, shell } from "./readme-shell.ts";
import { startServer } from "./service-server.ts";
import { tempDir } from "./temp-dir.ts";
import { createUserFolder } from "./user-folder.ts";

const page = readFileSync(join(root, "docs/operations.md"), "utf8");
const code = (text: string) => pageCode("docs/operations.md", text);

const echo = defineAgent({
  name: "echo",
  async onTaskEventSend(ctx, event) {
    await ctx.messages.send(event.parts);
    if (event.text === "last") ctx.complete();
  },
});

describe("the page on running it", () => {
  it("has a command that serves, and tells of every flag that there is", async () => {
    using folder = createUserFolder();
    folder.write("agent.ts", pageCode("README.md", "// agent.ts"));
    const command = code("--port 8080 --store").trim();
    await using server = await serving(command.replace("8080", "0"), folder.shell);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const help = await shell("npx pigeonhole serve --help", folder.shell);
    const flags = [...help.matchAll(/^ +(--[a-z-]+) </gm)].map(([, flag = ""]) => flag);
    expect(flags.length).toBeGreaterThan(5);
    const pages = page + readFileSync(join(root, "docs/limits.md"), "utf8");
    for (const flag of flags) expect(pages).toContain(`| \`${flag}\` `);
  });

  it("has a command that prints the settings of its file, its environment and its flags", async () => {
    using folder = createUserFolder();
    folder.write("pigeonhole.json", code('"cors-origin":'));
    const printed = await shell(code("--print-config"), folder.shell);
    expect(printed).toMatch(/^agents +agent\.ts +pigeonhole\.json$/m);
    expect(printed).toMatch(/^max-turns +200 +PIGEONHOLE_MAX_TURNS$/m);
    expect(printed).toMatch(/^drain +30 +--drain$/m);
  });

  it("has an agent with which the tasks of one that is gone come to their end, and a command that finds them", async () => {
    using folder = createUserFolder();
    folder.write("agent.ts", pageCode("README.md", "// agent.ts"));
    folder.write("retired.ts", code('name: "retired"'));
    const serve = (agents: string) => serving(`npx pigeonhole serve ${agents} --port 0`, folder.shell);
    const at = ({ url }: { url: string }) => createClient({ baseUrl: url }).tasks;
    const taskId = await (async () => {
      await using server = await serve("agent.ts retired.ts");
      return (await at(server).create({ agent: "retired" })).task.id;
    })();
    {
      await using server = await serve("agent.ts");
      expect((await at(server).cancel(taskId)).task.state).toBe(TaskState.CANCELLING);
      await expect(at(server).delete(taskId)).rejects.toMatchObject({ reason: "TASK_UNFINISHED" });
      const env = { ...folder.shell.env, PIGEONHOLE_SERVER: server.url };
      expect(await shell(code("task list --agent"), { ...folder.shell, env })).toContain(taskId);
    }
    await using server = await serve("agent.ts retired.ts");
    const [last] = (await Array.fromAsync(at(server).view(taskId))).slice(-1);
    expect(last?.task?.state).toBe(TaskState.CANCELLED);
    await at(server).delete(taskId);
  });

  it("has an image that starts what the package has, with settings that go together", async () => {
    const image = code("FROM node");
    const [, variables = ""] = /^ENV (.*)$/m.exec(image) ?? [];
    const env = Object.fromEntries(variables.split(" ").map((each) => each.split("=")));
    const [node, main, serving, ...agents] = JSON.parse(/^CMD (.*)$/m.exec(image)?.[1] ?? "[]");
    const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect([node, main, serving]).toEqual(["node", `node_modules/pigeonhole/${bin.pigeonhole}`, "serve"]);
    const { settings } = readServeSettings(agents, {}, env);
    const [, volume] = /^VOLUME (.*)$/m.exec(image) ?? [];
    const store = `sqlite:${volume}/pigeonhole.db`;
    expect(settings).toEqual({ store, host: "0.0.0.0", auth: true, drain: 30 });
    expect(code("docker run")).toContain(`main.js token create ops --role admin --store ${store}`);
    await using server = await startServer({ host: settings.host ?? "", auth: {} });
    expect((await fetch(`http://127.0.0.1:${server.port}/readyz`)).status).toBe(200);
  });

  it("has commands that back up a server that runs, restore, and check", async () => {
    using folder = createUserFolder();
    const { cwd } = folder.shell;
    const store = `sqlite:${join(cwd, "pigeonhole.db")}`;
    const first = await serveEcho(store);
    const { task } = await first.tasks.create({ agent: "echo" });
    await first.tasks.send(task.id, "before", { wait: EventWait.PROCESSED });
    expect(await shell(code("pigeonhole backup"), folder.shell)).toContain("is backed up in backup.db");
    await first.tasks.send(task.id, "after");
    await first.close();
    expect(await shell(code("pigeonhole restore"), folder.shell)).toMatch(/is restored .*replaced-/);
    expect(await shell(code("store check"), folder.shell)).toContain(" 0 findings");

    const second = await serveEcho(store);
    await second.tasks.send(task.id, "last");
    for await (const _ of second.tasks.subscribe(task.id));
    const messages = await collect(second.tasks.messages(task.id));
    expect(messages.map(({ parts }) => parts[0]?.content.value)).toEqual(["before", "last"]);
  });

  it.skipIf(!hasFor("a test of docs/operations.md", "curl", "command -v curl"))(
    "asks a server for its health",
    async () => {
      const { url } = await serveEcho("memory:");
      expect(await shell(atAddress(code("/healthz"), url), { cwd: tempDir() })).toBe("ok\n");
    },
  );

  it.skipIf(!hasFor("a test of docs/operations.md", "systemd-analyze", "command -v systemd-analyze"))(
    "has a unit that systemd takes",
    () => {
      const unit = join(tempDir(), "pigeonhole.service");
      writeFileSync(unit, code("[Unit]"));
      const { stderr } = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
      expect(stderr.split("\n").filter((line) => line.startsWith(unit))).toEqual([]);
    },
  );

  it.skipIf(!hasFor("a test of docs/operations.md", "nginx", "command -v nginx"))(
    "has an nginx that passes on every protocol, and streams as they grow",
    async () => {
      const { url } = await serveEcho("memory:");
      const proxy = await startNginx(code("grpc_pass"), url);
      for (const transport of [
        createGrpcTransport({ baseUrl: proxy.http2 }),
        createConnectTransport({ baseUrl: proxy.http2, httpVersion: "2" }),
        createConnectTransport({ baseUrl: proxy.http1, httpVersion: "1.1" }),
        createGrpcWebTransport({ baseUrl: proxy.http1, httpVersion: "1.1" }),
      ]) {
        const { tasks } = createClient({ transport, retry: { maxAttempts: 1 } });
        const { task } = await tasks.create({ agent: "echo" });
        let seen = 0;
        for await (const { entry } of tasks.subscribe(task.id, { heartbeats: true })) {
          // The heartbeat that ends the replay has come through, though the stream goes on.
          if (entry.case === "heartbeat" && seen++ === 0) await tasks.send(task.id, "last");
        }
        expect((await tasks.get(task.id)).endTime).toBeDefined();
      }
      expect(await (await fetch(`${proxy.http1}/healthz`)).text()).toBe("ok\n");
    },
  );
});

async function serveEcho(store: string) {
  const server = await serve({ agents: [echo], store, port: 0, drain: 0 });
  onTestFinished(() => server.close());
  return { url: server.url, tasks: createClient({ baseUrl: server.url }).tasks, close: () => server.close() };
}

/** Starts nginx with the page's configuration, without TLS: on one port with HTTP/2, and on another one with HTTP/1.1. */
async function startNginx(configuration: string, upstream: string) {
  const prefix = tempDir();
  mkdirSync(join(prefix, "logs"));
  const [http1, http2] = [await freePort(), await freePort()];
  const http = configuration
    .replaceAll("127.0.0.1:8080", upstream.replace("http://", ""))
    .replace("listen 443 ssl http2;", `listen 127.0.0.1:${http1}; listen 127.0.0.1:${http2} http2;`)
    .replaceAll(/^ *ssl_.*$/gm, "");
  expect(http).toContain(`127.0.0.1:${http2} http2`);
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temp = places.map((place) => `${place}_temp_path ${join(prefix, place)};`).join("\n");
  const file = join(prefix, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; pid ${join(prefix, "pid")}; events {} http { access_log off; ${temp}\n${http} }`,
  );
  const nginx = spawn("nginx", ["-p", prefix, "-c", file, "-e", join(prefix, "error.log")], {
    stdio: "ignore",
  });
  const ended = once(nginx, "exit");
  onTestFinished(async () => {
    nginx.kill("SIGTERM");
    await ended;
  });
  const urls = { http1: `http://127.0.0.1:${http1}`, http2: `http://127.0.0.1:${http2}` };
  while (!(await answers(`${urls.http1}/healthz`))) {
    if (nginx.exitCode === null) continue;
    const log = join(prefix, "error.log");
    throw new Error(existsSync(log) ? readFileSync(log, "utf8") : "nginx did not start");
  }
  return urls;
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
