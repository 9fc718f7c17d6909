import type { DescMethod, DescService, MessageShape } from "@bufbuild/protobuf";
import { AgentService, ScheduleService, TaskService, TokenService, WebhookService } from "../../proto.ts";
import type { Role, TaskPermission } from "./principal.ts";

/** Whose things a role may see or touch by a method: nobody's, its own, or everybody's. */
export type Reach = "none" | "own" | "any";

/** Who may call a method. */
export interface Rule<Request> {
  reach: Readonly<Record<Role, Reach>>;
  /** What a token for one task must allow. Absent: no such token will do. */
  scope?: TaskPermission;
  /** The id of the task that a request is about; empty when it is about none. It must be one that the caller sees. */
  task?(request: Request): string;
  /** The name by which a request asks for a task instead; empty when it does not. */
  taskName?(request: Request): string;
}

/** A rule for each method of a service: one without is an error of types. */
type Rules<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: Rule<MessageShape<Service["method"][Name]["input"]>>;
};

/** What reads a task, or sends to one. */
const seen = { client: "own", agent: "any", admin: "any" } as const;
/** What changes something else. */
const own = { client: "own", agent: "own", admin: "any" } as const;
const adminOnly = { client: "none", agent: "none", admin: "any" } as const;

const task = ({ taskId }: { taskId: string }): string => taskId;

const taskRules: Rules<typeof TaskService> = {
  createTask: { reach: seen, task: ({ parentTaskId }) => parentTaskId },
  getTask: {
    reach: seen,
    scope: "subscribe",
    task: ({ key }) => (key.case === "taskId" ? key.value : ""),
    taskName: ({ key }) => (key.case === "name" ? key.value : ""),
  },
  listTasks: { reach: seen },
  sendEvent: { reach: seen, scope: "send", task },
  cancelEvent: { reach: own, task },
  redriveEvent: { reach: own, task },
  interruptTask: { reach: own, task },
  deleteTask: { reach: own, task },
  cancelTask: { reach: own, task },
  subscribeTask: { reach: seen, scope: "subscribe", task },
  listEvents: { reach: seen, task },
  listMessages: { reach: seen, scope: "subscribe", task },
  createTaskToken: { reach: seen, task },
  getTaskState: { reach: seen, task },
  listTaskStates: { reach: seen, task },
};

const agentRules: Rules<typeof AgentService> = {
  listAgents: { reach: seen },
  getAgent: { reach: seen },
};

const scheduleRules: Rules<typeof ScheduleService> = {
  createSchedule: { reach: own },
  getSchedule: { reach: own },
  listSchedules: { reach: own },
  pauseSchedule: { reach: own },
  resumeSchedule: { reach: own },
  triggerSchedule: { reach: own },
  deleteSchedule: { reach: own },
};

const webhookRules: Rules<typeof WebhookService> = {
  createWebhook: { reach: own, task: ({ source }) => (source.case === "taskId" ? source.value : "") },
  getWebhook: { reach: own },
  listWebhooks: { reach: own },
  pauseWebhook: { reach: own },
  resumeWebhook: { reach: own },
  deleteWebhook: { reach: own },
};

const tokenRules: Rules<typeof TokenService> = {
  createToken: { reach: adminOnly },
  listTokens: { reach: adminOnly },
  revokeToken: { reach: adminOnly },
};

/** Services of others' that say nothing of anybody's: `public` asks for no credentials, `known` for any. */
const foreignServices: Readonly<Record<string, "public" | "known">> = {
  "grpc.health.v1.Health": "public",
  "grpc.reflection.v1.ServerReflection": "known",
  "grpc.reflection.v1alpha.ServerReflection": "known",
};

const known: Rule<unknown> = { reach: { client: "any", agent: "any", admin: "any" } };
/** A method without a rule is for nobody. */
const forbidden: Rule<unknown> = { reach: { client: "none", agent: "none", admin: "none" } };

const table: ReadonlyMap<string, Rule<unknown>> = new Map([
  ...entries(TaskService, taskRules),
  ...entries(AgentService, agentRules),
  ...entries(ScheduleService, scheduleRules),
  ...entries(WebhookService, webhookRules),
  ...entries(TokenService, tokenRules),
]);

function entries<Service extends DescService>(
  service: Service,
  rules: Rules<Service>,
): [string, Rule<unknown>][] {
  return Object.entries<Rule<unknown>>(rules).map(([name, rule]) => [`${service.typeName}/${name}`, rule]);
}

/** Finds who may call a method: everybody, without credentials, or those whom a rule says. */
export function ruleOf({ parent, localName }: DescMethod): Rule<unknown> | "public" {
  const rule = table.get(`${parent.typeName}/${localName}`);
  if (rule !== undefined) return rule;
  const foreign = foreignServices[parent.typeName];
  if (foreign === undefined) return forbidden;
  return foreign === "known" ? known : foreign;
}
