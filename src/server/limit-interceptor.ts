import { isMessage } from "@bufbuild/protobuf";
import type { ContextValues, Interceptor, UnaryRequest } from "@connectrpc/connect";
import { EventWait, SendEventRequestSchema } from "../proto.ts";
import { type Admission, connectionKey } from "./http/index.ts";
import { limitOf, noteLimit, overloaded } from "./limit-refusals.ts";
import type { OnLimit } from "./limits.ts";
import type { Millis } from "./store/records.ts";
import type { SubscriptionLimits } from "./subscription-limits.ts";
import { watchStream } from "./watch-stream.ts";

export interface LimitInterceptorOptions {
  admission: Admission;
  subscriptions: SubscriptionLimits;
  /** Takes a request of a principal's rate. Gives 0, or how long to wait, in ms. */
  rate: { take(principal: string): Millis };
  /** Whose call it is. Undefined where nobody says: its address has been counted already. */
  principalOf: (values: ContextValues) => string | undefined;
  /** Waits for a moment with a refusal. */
  holdBack: (signal: AbortSignal) => Promise<void>;
  onLimit: OnLimit;
}

/**
 * Holds calls to what one caller, and all together, may have under way, and tells of every call that is refused for any limit.
 *
 * It comes after what finds out who calls, and before validation, which refuses for limits too.
 */
export function createLimitInterceptor(options: LimitInterceptorOptions): Interceptor {
  const { admission, subscriptions, rate, principalOf, holdBack, onLimit } = options;
  return (next) => async (request) => {
    try {
      const { contextValues, signal } = request;
      const principal = principalOf(contextValues);
      const wait = principal === undefined ? 0 : rate.take(principal);
      if (wait > 0)
        throw overloaded("request_rate", "more requests come than this caller may make a second", wait);
      if (!request.stream && !isWaiting(request)) {
        const leave = admission.enter();
        try {
          return await next(request);
        } finally {
          leave();
        }
      }
      const close = subscriptions.open(principal ?? "", contextValues.get(connectionKey));
      // Aborted whenever a call is over, also one whose response nobody begins to read.
      signal.addEventListener("abort", close, { once: true });
      try {
        const response = await next(request);
        if (!response.stream) close();
        return response.stream ? { ...response, message: watchStream(response.message, close) } : response;
      } catch (error) {
        close();
        throw error;
      }
    } catch (error) {
      noteLimit(error, onLimit);
      if (isOfCaller(error)) await holdBack(request.signal);
      throw error;
    }
  };
}

/** Whether an error refuses a call for how many there are: there may be very many more. */
function isOfCaller(error: unknown): boolean {
  const limit = limitOf(error);
  return limit === "requests" || limit === "request_rate" || limit === "store";
}

/** Whether a call is answered only after what it sends has been handled, which says nothing of how busy the server is. */
function isWaiting({ message }: UnaryRequest): boolean {
  return isMessage(message, SendEventRequestSchema) && message.wait === EventWait.PROCESSED;
}
