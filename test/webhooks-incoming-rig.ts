import { createClient, type TasksClient } from "../src/client/index.ts";
import {
  type AgentDefinition,
  type Clock,
  type Content,
  defineAgent,
  githubSignature,
  type RawWebhookRequest,
  type ServeOptions,
  type Server,
  serve,
  standardWebhooksSignature,
  systemClock,
  TaskError,
  type WebhookRequest,
  type WebhookTarget,
} from "../src/server/index.ts";
import { collect } from "./agents/rig.ts";
import { type RawResponse, send } from "./http-rig.ts";
import { githubSecret, standardSecret } from "./webhooks-signed.ts";

/** The ways in which a webhook may be called. */
export const httpVersions = [1, 2] as const;

/** A server of the agent `inbox`, whose webhooks do what the test says. */
export interface WebhookRig extends Server, AsyncDisposable {
  tasks: TasksClient;
  /** What the server wrote to its log as errors. */
  defects: { message: string; fields: Record<string, unknown> }[];
  /** Posts to a hook of `inbox`, or to a path. */
  post(hook: string, request?: Post): Promise<Answer>;
  /** The texts of all events in the mailboxes, by the names of their tasks. */
  events(): Promise<Record<string, string[]>>;
}

export interface Post {
  httpVersion?: 1 | 2;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface Answer extends RawResponse {
  /** The body as JSON, if there is one. */
  json: Record<string, unknown> & { error?: { reason: string; message: string; errorId?: string } };
}

/** What the route of the hook `open` does, as the body of its request says in JSON. */
export type Script = { target: WebhookTarget } | { nothing: true } | { throws: string; message?: string };

/** Starts a server, of the agents of the options besides. Its hook `open` takes requests without a signature, under the delivery id of the header x-delivery. */
export async function startWebhooks(
  definition: Partial<AgentDefinition> = {},
  options: Partial<ServeOptions> = {},
): Promise<WebhookRig> {
  const defects: WebhookRig["defects"] = [];
  const agent = defineAgent({
    name: "inbox",
    onTaskEventSend: () => {},
    ...definition,
    webhooks: {
      open: { verify: verifyNothing, route: (request) => act(request.json() as Script) },
      github: {
        verify: githubSignature({ secret: githubSecret }),
        route: ({ text }) => toTask("github", text),
      },
      standard: {
        verify: standardWebhooksSignature({ secret: standardSecret }),
        route: ({ text }) => toTask("standard", text),
      },
      ...definition.webhooks,
    },
  });
  const error = (message: string, fields: Record<string, unknown> = {}) => defects.push({ message, fields });
  const log = { info() {}, warn() {}, error };
  const agents = [agent, ...(options.agents ?? [])];
  const server = await serve({ store: "memory:", port: 0, drain: 0, log, ...options, agents });
  const { tasks } = createClient({ baseUrl: server.url, retry: { maxAttempts: 1 } });
  return {
    ...server,
    tasks,
    defects,
    [Symbol.asyncDispose]: () => server.close(),
    async post(hook, { httpVersion = 1, method = "POST", headers = {}, body } = {}) {
      const path = hook.startsWith("/") ? hook : `/webhooks/inbox/${hook}`;
      const response = await send(server, {
        httpVersion,
        path,
        method,
        headers,
        ...(body !== undefined && { body }),
      });
      const isJson = response.headers.get("content-type") === "application/json" && response.body.length > 0;
      return { ...response, json: isJson ? JSON.parse(response.body.toString()) : {} };
    },
    async events() {
      const all: Record<string, string[]> = {};
      for (const task of await collect(tasks.list())) {
        const events = await collect(tasks.events(task.id));
        all[task.name] = events.map(({ parts }) => parts.map(({ content }) => content.value).join());
      }
      return all;
    },
  };
}

/** Makes the request of a delivery to the hook `open`. */
export function delivery(id: string, script: Script): Post {
  return { headers: { "x-delivery": id }, body: JSON.stringify(script) };
}

/** Makes what a route finds: an event of this content for the task of this name. */
export function toTask(task: string, content: Content): WebhookTarget {
  return { task, content };
}

/** A clock that stands still at a time. */
export function clockAt(now: number): Clock {
  return { ...systemClock, now: () => now };
}

function verifyNothing({ headers }: RawWebhookRequest) {
  return { deliveryId: headers.get("x-delivery") ?? undefined };
}

function act(script: Script): WebhookTarget | undefined {
  if ("target" in script) return script.target;
  if ("nothing" in script) return undefined;
  if (script.throws === "Error") throw new Error(script.message);
  throw new TaskError(script.throws as TaskError["reason"], script.message ?? "");
}

/** Gives the request of a route that is not to be called. */
export function neverRoute(request: WebhookRequest): never {
  throw new Error(`routed ${request.text}`);
}
