import type { Logger } from "./agent.ts";
import type { Clock } from "./clock.ts";
import type { ReportError } from "./connect-error.ts";
import { hasReason, TaskError } from "./errors.ts";
import type { Millis } from "./store/records.ts";
import { withoutWords } from "./telemetry/without-words.ts";
import { createThrottle } from "./throttle.ts";

/** How often the log says that the store is unavailable, which every call may find. */
const storeReportInterval: Millis = 1000;

/** Makes what tells the log of defects, and of a store that is unavailable. */
export function createReport(log: Logger, clock: Clock): ReportError {
  const mayReport = createThrottle(clock.now, storeReportInterval);
  return (error, errorId) => {
    if (!hasReason(error, "STORE_UNAVAILABLE")) log.error("internal error", { errorId, error });
    else if (mayReport()) log.error("the store is unavailable", { error });
  };
}

/** Reports what agents' code has thrown, which is the cause of what is reported, without its words. */
export function withoutCauses(report: ReportError): ReportError {
  return (error, errorId) => {
    if (!(error instanceof TaskError) || error.cause === undefined) return report(error, errorId);
    const { reason, message, details, cause } = error;
    report(new TaskError(reason, message, details, { cause: withoutWords(cause) }), errorId);
  };
}
