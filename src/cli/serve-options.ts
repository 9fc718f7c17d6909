import type { Options, Values } from "./command.ts";
import { limitOptions } from "./limit-options.ts";
import type { SettingValues } from "./settings.ts";
import {
  oneOf,
  parseHostName,
  parseHttpUrl,
  parseKeysPlace,
  parseOrigin,
  parseStore,
  quantity,
  wholeNumber,
} from "./values.ts";

/**
 * The settings of what serves: each is a flag, an environment variable and a key of the file (docs/operations.md), by being here.
 * `parse` checks what was given, so that all mistakes are told at once; `defaultValue` is what help and `--print-config` show.
 */
export const serveOptions = {
  port: {
    type: "string",
    value: "number",
    summary: "The port to listen on, 0 for any that is free.",
    defaultValue: "8080",
    parse: wholeNumber(0, 65_535),
  },
  "grpc-port": {
    type: "string",
    value: "number",
    summary: "A second port, for gRPC alone and faster, 0 for any that is free.",
    parse: wholeNumber(0, 65_535),
  },
  host: {
    type: "string",
    value: "address",
    summary: "The address to listen on.",
    defaultValue: "127.0.0.1",
  },
  store: {
    type: "string",
    value: "url",
    summary: "Where events, logs and state are kept: sqlite:PATH or memory:.",
    defaultValue: "sqlite:./pigeonhole.db",
    parse: parseStore,
  },
  "allow-host": {
    type: "string",
    multiple: true,
    value: "name",
    summary: "A name of the server's, where it listens on loopback and asks nobody who they are.",
    parse: parseHostName,
  },
  "cors-origin": {
    type: "string",
    multiple: true,
    value: "origin",
    summary: "An origin whose pages may call from a browser, or *.",
    parse: parseOrigin,
  },
  "max-turns": {
    type: "string",
    value: "number",
    summary: "The most turns that run at once.",
    defaultValue: "1000",
    parse: wholeNumber(1, 1_000_000),
  },
  drain: {
    type: "string",
    value: "seconds",
    summary: "How long turns may go on after SIGTERM or SIGINT; 1 with --watch.",
    defaultValue: "10",
    parse: quantity("seconds", 0, 86_400),
  },
  "drain-delay": {
    type: "string",
    value: "seconds",
    summary: "How long requests are still taken after SIGTERM or SIGINT, for load balancers to go elsewhere.",
    defaultValue: "0",
    parse: quantity("seconds", 0, 3_600),
  },
  "allow-private-webhooks": {
    type: "boolean",
    summary: "Post to webhooks at private and loopback addresses, and over http.",
  },
  "metrics-port": {
    type: "string",
    value: "number",
    summary: "A port of its own that tells Prometheus metrics at /metrics, 0 for any that is free.",
    parse: wholeNumber(0, 65_535),
  },
  "metrics-host": {
    type: "string",
    value: "address",
    summary: "The address of the metrics.",
    defaultValue: "127.0.0.1",
  },
  "otlp-endpoint": {
    type: "string",
    value: "url",
    summary: "Send OpenTelemetry traces to a collector, by OTLP over HTTP: http://127.0.0.1:4318.",
    parse: parseHttpUrl,
  },
  "log-level": {
    type: "string",
    value: "level",
    summary: "What is logged: debug, info, warn, error or silent.",
    choices: ["debug", "info", "warn", "error", "silent"],
    defaultValue: "info",
    parse: oneOf("debug", "info", "warn", "error", "silent"),
  },
  "log-format": {
    type: "string",
    value: "format",
    summary: "How the log is written: json, one object a line, or text.",
    choices: ["json", "text"],
    defaultValue: "json",
    parse: oneOf("json", "text"),
  },
  "log-handler-errors": {
    type: "boolean",
    summary: "Log what handlers throw in full. Messages may repeat what events say.",
  },
  insecure: {
    type: "boolean",
    summary: "Let everybody call who can reach the server, also on an address that is not loopback.",
  },
  "tls-cert": {
    type: "string",
    value: "file",
    summary: "The server's certificate chain, in PEM; read again when it changes.",
  },
  "tls-key": { type: "string", value: "file", summary: "The certificate's private key, in PEM." },
  "tls-client-ca": {
    type: "string",
    value: "file",
    summary: "Let in only clients with a certificate of these authorities, in PEM.",
  },
  "tls-client-crl": {
    type: "string",
    value: "file",
    summary: "Let in no client whose certificate these lists revoke, in PEM: one of each authority.",
  },
  ...limitOptions,
  auth: {
    type: "boolean",
    summary:
      "Ask every call for a token, made by pigeonhole token create. --jwt-issuer and --tls-client-ca do so too.",
  },
  "jwt-issuer": {
    type: "string",
    value: "issuer",
    summary: "Take JSON Web Tokens of this issuer too: what their iss is.",
  },
  "jwt-audience": { type: "string", value: "audience", summary: "What must be among the aud of these." },
  "jwt-jwks": {
    type: "string",
    value: "url-or-file",
    summary: "Where the issuer's keys are: a URL of https, or a file.",
    parse: parseKeysPlace,
  },
  "jwt-principal-claim": {
    type: "string",
    value: "claim",
    summary: "The claim that names the principal.",
    defaultValue: "sub",
  },
  "jwt-role-claim": {
    type: "string",
    value: "claim",
    summary: "The claim with the role or roles: client, agent, admin.",
    defaultValue: "pigeonhole_role",
  },
  "peer-admin": {
    type: "string",
    multiple: true,
    value: "name",
    summary: "A client certificate's name that is an admin.",
  },
  "peer-agent": {
    type: "string",
    multiple: true,
    value: "name",
    summary: "A client certificate's name that has the role agent.",
  },
  "no-console": { type: "boolean", summary: "Serve no web console at /." },
} as const satisfies Options;

/** What the flags of the command line are. */
export type ServeFlags = Values<typeof serveOptions>;

/** What the settings are, wherever each was given. */
export type ServeSettings = SettingValues<typeof serveOptions>;
