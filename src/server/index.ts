/** Pigeonhole's server: what an agent author and an operator use. */

export type {
  Agent,
  AgentDefinition,
  AgentEvent,
  BusyPolicy,
  Content,
  DeclaredSchedule,
  EventOptions,
  Exhausted,
  Logger,
  MessageOptions,
  MessageStream,
  Messages,
  NewChildTask,
  TaskInfo,
  TurnContext,
  TurnMailbox,
  TurnState,
  TurnTasks,
  When,
} from "./agent.ts";
export { FinalError } from "./agent.ts";
export type { AuthOptions, JwtOptions, PeerRoles } from "./auth/index.ts";
export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export { defineAgent } from "./define-agent.ts";
export type { ErrorDetails, FieldViolation, Reason } from "./errors.ts";
export { TaskError } from "./errors.ts";
export type { LimitName, Limits, OnLimit } from "./limits.ts";
export type { LogFormat, LoggerOptions, LogLevel } from "./logger.ts";
export { createLogger } from "./logger.ts";
export { type Server, serve } from "./serve.ts";
export type { ServeOptions, WebhookOptions } from "./serve-options.ts";
export type { TlsFiles } from "./tls-files.ts";
export type {
  HmacSignatureOptions,
  IncomingWebhook,
  RawWebhookRequest,
  SlackSignatureOptions,
  StandardWebhooksSignatureOptions,
  VerifiedWebhook,
  VerifyWebhook,
  WebhookRequest,
  WebhookTarget,
} from "./webhooks/incoming/index.ts";
export {
  githubSignature,
  hmacSignature,
  slackSignature,
  standardWebhooksSignature,
} from "./webhooks/incoming/index.ts";
