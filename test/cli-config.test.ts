import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Options } from "../src/cli/command.ts";
import { limitOptions } from "../src/cli/limit-options.ts";
import { serveOptions } from "../src/cli/serve-options.ts";
import { readServeSettings, type ServeConfiguration } from "../src/cli/serve-settings.ts";
import { fromEnvironment, fromFlags } from "../src/cli/setting-sources.ts";
import { resolveSettings } from "../src/cli/settings.ts";
import { UsageError } from "../src/cli/usage-error.ts";
import { jsonLines, runToEnd } from "./cli-rig.ts";
import { agentPath, runCli, urlOf } from "./crash-process.ts";
import { pageCode, root } from "./readme-code.ts";
import { tempDir } from "./temp-dir.ts";

/** Reads settings from the flags, the variables and the file's text given. */
function read(given: { args?: string[]; flags?: object; env?: NodeJS.ProcessEnv; file?: unknown }) {
  const { args = [], flags = {}, env = {}, file } = given;
  const path = join(tempDir(), "pigeonhole.json");
  if (file !== undefined) writeFileSync(path, typeof file === "string" ? file : JSON.stringify(file));
  const config = file === undefined ? {} : { config: path };
  const text = (error: unknown) =>
    error instanceof UsageError ? error.message.replaceAll(path, "FILE") : "";
  try {
    return { mistakes: "", ...readServeSettings(args, { ...flags, ...config }, env) };
  } catch (error) {
    return { mistakes: text(error), agents: [], settings: {}, shown: [], file: undefined };
  }
}

function from({ shown }: Pick<ServeConfiguration, "shown">, setting: string): string | undefined {
  return shown.find(({ name }) => name === setting)?.from.replace(/^\/.*\//, "");
}

describe("a setting of serve", () => {
  it("is taken from the flag, or else the environment, or else the file, or else it has its default", () => {
    const all = read({
      args: ["a.ts"],
      flags: { port: "1" },
      env: { PIGEONHOLE_PORT: "2", PIGEONHOLE_DRAIN: "2", PIGEONHOLE_AGENTS: "b.ts,c.ts" },
      file: { port: 3, drain: "3", "max-turns": 3, agents: ["d.ts"] },
    });
    expect(all).toMatchObject({ agents: ["a.ts"], settings: { port: 1, drain: 2, "max-turns": 3 } });
    const places = ["agents", "port", "drain", "max-turns", "host"].map((name) => from(all, name));
    expect(places).toEqual(["the command line", "--port", "PIGEONHOLE_DRAIN", "pigeonhole.json", "default"]);
  });

  it("is a number, a list, or true or false, in the words of each place", () => {
    const env = {
      PIGEONHOLE_AGENTS: "a.ts, b.ts,",
      PIGEONHOLE_NO_CONSOLE: "1",
      PIGEONHOLE_CORS_ORIGIN: "http://a,http://b",
    };
    const file = { "allow-private-webhooks": true, "no-console": false, "cors-origin": "http://c" };
    expect(read({ env, file })).toMatchObject({
      agents: ["a.ts", "b.ts"],
      settings: {
        "no-console": true,
        "cors-origin": ["http://a", "http://b"],
        "allow-private-webhooks": true,
      },
    });
  });

  it("is a time or a size with a unit, or without one in seconds or bytes, in all places", () => {
    const { settings } = read({
      args: ["a.ts"],
      flags: { drain: "1m30s", "max-header-bytes": "16384" },
      env: { PIGEONHOLE_IDLE_TIMEOUT: "2h", PIGEONHOLE_MAX_BODY_BYTES: "1GiB" },
      file: { "max-message-bytes": "4 MiB", "drain-delay": "5000ms", "request-timeout": 60 },
    });
    expect(settings).toEqual({
      ...{ drain: 90, "drain-delay": 5, "idle-timeout": 7200, "request-timeout": 60 },
      ...{ "max-header-bytes": 16_384, "max-body-bytes": 1024 ** 3, "max-message-bytes": 4 * 1024 ** 2 },
    });
  });

  it("is none in an empty variable, nor in what Kubernetes sets for a service named pigeonhole", () => {
    const env = {
      PIGEONHOLE_AGENTS: "a.ts",
      PIGEONHOLE_DRAIN: "",
      PIGEONHOLE_PORT: "tcp://10.0.0.1:8080",
      PIGEONHOLE_SERVICE_HOST: "10.0.0.1",
      PIGEONHOLE_SERVICE_PORT_HTTP: "8080",
      PIGEONHOLE_PORT_8080_TCP_ADDR: "10.0.0.1",
    };
    const found = read({ env });
    expect(found.mistakes).toBe("");
    expect(found.settings).toEqual({});
  });

  it("is there for every option of the table, in all places, and drains for a second with --watch", () => {
    const samples: Record<string, string> = {
      ...{ "grpc-port": "1", "metrics-port": "2", "allow-host": "a.example" },
      ...{ "cors-origin": "https://a.example", "otlp-endpoint": "http://a.example" },
    };
    const all = Object.entries(serveOptions).map(([name, option]) => {
      const variable = `PIGEONHOLE_${name.toUpperCase().replaceAll("-", "_")}`;
      const text = "defaultValue" in option ? option.defaultValue : (samples[name] ?? "x");
      return { name, variable, value: option.type === "boolean" ? true : text };
    });
    const env = Object.fromEntries(all.map(({ variable, value }) => [variable, String(value)]));
    const file = Object.fromEntries(all.map(({ name, value }) => [name, value]));
    const told = [read({ args: ["a.ts"], env }), read({ args: ["a.ts"], file })];
    for (const { name, variable } of all)
      expect(told.map((one) => from(one, name))).toEqual([variable, "pigeonhole.json"]);
    const watched = read({ args: ["a.ts"], flags: { watch: true } });
    expect([watched.settings, from(watched, "drain")]).toEqual([{ drain: 1 }, "--watch"]);
    expect(read({ args: ["a.ts"], flags: { watch: true }, file: { drain: 5 } }).settings).toEqual({
      drain: 5,
    });
  });
});

describe("mistakes in the configuration of serve", () => {
  it("are told all at once, each with its place, its bound, and what was meant", () => {
    const { mistakes } = read({
      flags: { port: "70000", store: "letterbox", "metrics-host": "", "allow-host": ["a.example:80"] },
      env: {
        PIGEONHOLE_DRAIN: "soon",
        PIGEONHOLE_MAX_TURN: "5",
        PIGEONHOLE_NO_CONSOLE: "maybe",
        PIGEONHOLE_OTLP_ENDPOINT: "collector",
        PIGEONHOLE_TOKN: "t",
        PIGEONHOLE_CORS_ORIGIN: "https://a.example,https://b.example/",
      },
      file: {
        "max-turns": 0,
        "max-body-bytes": "4 MB",
        "idle-timeout": "500ms",
        maxTurns: 5,
        "cors-origin": [1],
        "no-console": "yes",
        ["__proto__"]: 1,
        port: -1,
      },
    });
    expect(mistakes.split("\n").sort()).toEqual([
      '  --allow-host must be a host\'s name such as pigeonhole.example, not "a.example:80"',
      "  --metrics-host must not be empty",
      '  --port must be a whole number from 0 to 65535, not "70000"',
      '  --store must be sqlite:PATH or memory:, not "letterbox"',
      '  FILE: "__proto__" is no setting',
      '  FILE: "cors-origin" must be a list of strings',
      '  FILE: "idle-timeout" must be a whole number of seconds from 1 to 86400, or such as 30s, 10m or 1h30m, not "500ms"',
      '  FILE: "max-body-bytes" must be a whole number of bytes from 1048576 to 1099511627776, or such as 64KiB, 4MiB or 1GiB, not "4 MB"',
      '  FILE: "max-turns" must be a whole number from 1 to 1000000, not "0"',
      '  FILE: "maxTurns" is no setting; did you mean max-turns?',
      '  FILE: "no-console" must be true or false',
      '  FILE: "port" must be a whole number from 0 to 65535, not "-1"',
      '  PIGEONHOLE_CORS_ORIGIN must be an origin such as https://example.com, or *, not "https://b.example/"',
      '  PIGEONHOLE_DRAIN must be a whole number of seconds from 0 to 86400, or such as 30s, 10m or 1h30m, not "soon"',
      "  PIGEONHOLE_MAX_TURN is no setting; did you mean PIGEONHOLE_MAX_TURNS?",
      '  PIGEONHOLE_NO_CONSOLE must be true or false, not "maybe"',
      '  PIGEONHOLE_OTLP_ENDPOINT must be an http: or https: URL, not "collector"',
      "  PIGEONHOLE_TOKN is no setting; did you mean PIGEONHOLE_TOKEN?",
      "  serve needs AGENT, or agents in the file or in PIGEONHOLE_AGENTS",
      "there are 19 mistakes:",
    ]);
  });

  it("are ports of which one server has two", () => {
    const both = (flags: object) => read({ args: ["a.ts"], flags }).mistakes;
    expect(both({ "grpc-port": "8080" })).toBe("--port and --grpc-port must not both be 8080");
    expect(both({ "grpc-port": "9090", "metrics-port": "9090" })).toBe(
      "--grpc-port and --metrics-port must not both be 9090",
    );
    const apart = { "metrics-port": "8080", "metrics-host": "127.0.0.2" };
    expect([both({ port: "0", "grpc-port": "0" }), both(apart)]).toEqual(["", ""]);
  });

  it.each([
    ["TLS needs both --tls-cert and --tls-key", { "tls-client-ca": "ca.pem" }],
    [
      "--tls-client-crl needs --tls-client-ca",
      { "tls-cert": "a.pem", "tls-key": "a.key", "tls-client-crl": "ca.crl" },
    ],
    ["--jwt-issuer, --jwt-audience and --jwt-jwks go together", { "jwt-issuer": "https://a.example" }],
    ["--peer-admin and --peer-agent need --tls-client-ca", { "peer-admin": ["ops"] }],
    ["--watch needs a store that outlives a restart: sqlite:PATH", { watch: true, store: "memory:" }],
    [
      expect.stringMatching(/^host "0\.0\.0\.0" is reached from other machines.*--insecure/),
      { host: "0.0.0.0" },
    ],
  ])("are settings that do not go together (%s)", (mistake, flags) => {
    expect(read({ args: ["a.ts"], flags }).mistakes).toEqual(mistake);
  });

  it.each(["http://a.example/keys", "https://"])(
    "are keys of an issuer that are at no place to take them from (%s), and nothing that follows from it",
    (jwks) => {
      const flags = { host: "0.0.0.0", "jwt-issuer": "a", "jwt-audience": "b", "jwt-jwks": jwks };
      expect(read({ args: ["a.ts"], flags }).mistakes).toBe(
        `--jwt-jwks must be an https: URL, or http: on this machine, or the path of a file, not "${jwks}"`,
      );
    },
  );

  it("are none in an address that others reach where callers say who they are, or nobody is to", () => {
    const tls = { "tls-cert": "a.pem", "tls-key": "a.key", "tls-client-ca": "ca.pem" };
    for (const flags of [{ auth: true }, { insecure: true }, tls])
      expect(read({ args: ["a.ts"], flags: { host: "0.0.0.0", ...flags } }).mistakes).toBe("");
  });

  it.each([
    ["no JSON", '{ "port": ', /^FILE: .*JSON.*$/],
    ["no object", [1], /^FILE: it must be a JSON object$/],
  ])("are of a file that has %s alone: what it would have said is not missing", (_, file, message) => {
    expect(read({ file }).mistakes).toMatch(message);
  });

  it("are of a file that is not there, whoever named it", () => {
    const env = { PIGEONHOLE_CONFIG: "/nowhere/at/all.json" };
    expect(read({ args: ["a.ts"], env }).mistakes).toMatch(/^\/nowhere\/at\/all\.json: .*no such file/);
  });
});

describe("serve --print-config", () => {
  it("prints each setting with where it comes from, and serves nothing", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "p.json"), '{ "agents": ["absent.ts"], "drain": 30 }');
    const args = ["serve", "--print-config", "--config", "p.json", "--max-turns", "5"];
    const env = { PIGEONHOLE_HOST: "::1", PIGEONHOLE_SERVER: "http://elsewhere", PIGEONHOLE_CA: "ca.pem" };
    const { code, stdout, stderr } = await runToEnd(args, { cwd, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const rows = stdout
      .trim()
      .split("\n")
      .map((row) => row.split(/ {2,}/));
    expect(rows).toContainEqual(["SETTING", "VALUE", "FROM"]);
    expect(rows).toContainEqual(["agents", "absent.ts", "p.json"]);
    expect(rows).toContainEqual(["drain", "30", "p.json"]);
    expect(rows).toContainEqual(["host", "::1", "PIGEONHOLE_HOST"]);
    expect(rows).toContainEqual(["max-turns", "5", "--max-turns"]);
    expect(rows).toContainEqual(["port", "8080", "default"]);
    const json = await runToEnd([...args, "--json"], { cwd, env });
    expect(jsonLines(json.stdout)).toContainEqual({ setting: "max-turns", value: 5, from: "--max-turns" });
  });
});

it("serve --print-config refuses what could not start", async () => {
  const { code, stdout, stderr } = await runToEnd(["serve", "a.ts", "--print-config", "--tls-cert", "a.pem"]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("TLS needs both --tls-cert and --tls-key");
});

describe("a server whose settings are in the environment and in a file", () => {
  it("obeys them", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "p.json"), JSON.stringify({ agents: [agentPath("scribe")], "no-console": true }));
    const env = { PIGEONHOLE_CONFIG: "p.json", PIGEONHOLE_PORT: "0", PIGEONHOLE_STORE: "memory:" };
    await using server = runCli(["serve"], { cwd, env });
    expect((await fetch(await urlOf(server))).status).toBe(404);
  });
});

it("is told in docs, each flag with its default, and by a file that can be read", () => {
  const page = readFileSync(`${root}docs/operations.md`, "utf8");
  const limits = readFileSync(`${root}docs/limits.md`, "utf8");
  const found = read({ file: pageCode("docs/operations.md", '"cors-origin":') });
  expect(found).toMatchObject({ mistakes: "", agents: ["agent.ts"], settings: { port: 8080 } });
  for (const [name, option] of Object.entries(serveOptions)) {
    // The page on limits tells them in the units of people.
    const isLimit = Object.hasOwn(limitOptions, name);
    const told = !isLimit && "defaultValue" in option ? ` \`${option.defaultValue}\`` : "";
    expect(isLimit ? limits : page).toMatch(new RegExp(`^\\| \`--${name}\` *\\|${told}`, "m"));
  }
});

describe("a secret setting", () => {
  const options = {
    sesame: { type: "string", summary: "", secret: true, parse: (name: string) => fail(name) },
    url: { type: "string", summary: "" },
    password: { type: "string", summary: "", secret: true },
  } as const satisfies Options;
  const fail = (name: string): string => {
    throw new UsageError(`--${name} must not be "s3cret"`);
  };

  it("is shown neither where it is told nor where it is wrong", () => {
    const given = { url: "postgres://me:@s3cret@host/db", password: "s3cret" };
    const { shown, values } = resolveSettings(options, [fromFlags(given)], () => []);
    expect(values).toEqual(given);
    expect(shown).toContainEqual({ name: "url", value: "postgres://***@host/db", from: "--url" });
    expect(JSON.stringify(shown)).not.toContain("s3cret");
    const wrong = () =>
      resolveSettings(options, [fromEnvironment(options, { PIGEONHOLE_SESAME: "s3cret" })], () => []);
    expect(wrong).toThrow(/^PIGEONHOLE_SESAME is not as it must be$/);
  });
});
