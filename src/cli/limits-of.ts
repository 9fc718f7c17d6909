import type { Limits } from "../server/index.ts";
import type { limitOptions } from "./limit-options.ts";
import type { ServeSettings } from "./serve-options.ts";

/** Reads the limits that are set. Times are in seconds there, and in ms here. */
export function limitsOf(settings: ServeSettings): Partial<Limits> {
  const limit = (flag: keyof typeof limitOptions, name: keyof Limits, unit = 1) => {
    const value = settings[flag];
    return value === undefined ? {} : { [name]: value * unit };
  };
  return {
    ...limit("max-message-bytes", "maxMessageBytes"),
    ...limit("max-body-bytes", "maxBodyBytes"),
    ...limit("max-answer-bytes", "maxAnswerBytes"),
    ...limit("max-header-bytes", "maxHeaderBytes"),
    ...limit("max-parts", "maxParts"),
    ...limit("max-depth", "maxDepth"),
    ...limit("max-pending", "maxPending"),
    ...limit("max-tasks", "maxTasks"),
    ...limit("max-subscriptions", "maxSubscriptions"),
    ...limit("max-connection-subscriptions", "maxConnectionSubscriptions"),
    ...limit("request-rate", "requestRate"),
    ...limit("max-requests", "maxRequests"),
    ...limit("max-connections", "maxConnections"),
    ...limit("max-streams", "maxStreams"),
    ...limit("reset-rate", "resetRate"),
    ...limit("control-rate", "controlRate"),
    ...limit("headers-timeout", "headersTimeout", 1000),
    ...limit("request-timeout", "requestTimeout", 1000),
    ...limit("idle-timeout", "idleTimeout", 1000),
  };
}
