/** Pigeonhole's server: what an agent author and an operator use. */

export type {
  Agent,
  AgentDefinition,
  AgentEvent,
  Content,
  Logger,
  MessageOptions,
  MessageStream,
  Messages,
  TaskInfo,
  TurnContext,
  TurnState,
} from "./agent.ts";
export { defineAgent } from "./agent.ts";
export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { ErrorDetails, FieldViolation, Reason } from "./errors.ts";
export { TaskError } from "./errors.ts";
export type { ServeOptions, Server } from "./serve.ts";
export { serve } from "./serve.ts";
