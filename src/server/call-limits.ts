import type { ContextValues, Interceptor } from "@connectrpc/connect";
import type { AuthenticateRequest } from "./auth/index.ts";
import type { Clock } from "./clock.ts";
import type { TaskError } from "./errors.ts";
import { createHoldBack } from "./hold-back.ts";
import {
  type Connection,
  connectionKey,
  createAdmission,
  createTokenBuckets,
  type HttpRequest,
  tooMany,
} from "./http/index.ts";
import { createLimitInterceptor } from "./limit-interceptor.ts";
import { noteLimit, overloaded } from "./limit-refusals.ts";
import type { Limits, OnLimit } from "./limits.ts";
import { createSubscriptionLimits } from "./subscription-limits.ts";

/** What holds calls to their limits: before anything is spent on them, and once it is known who calls. */
export interface CallLimits {
  /**
   * Rejects with OVERLOADED, after a moment, if a request is one too many, of its address or of all; gives nothing to wait for if it is not.
   * `isCall`: it is to be answered as soon as may be. `saysWho`: it will be counted by who calls, if the server asks for that. Default false.
   */
  admit(request: HttpRequest, isCall: boolean, saysWho?: boolean): Promise<never> | undefined;
  /** Counts whom authentication refuses by address, since nobody else does: beyond the rate, they are refused with OVERLOADED, after a moment. */
  authenticate(authenticate: AuthenticateRequest): AuthenticateRequest;
  interceptor: Interceptor;
}

export interface CallLimitsOptions {
  limits: Limits;
  onLimit: OnLimit;
  clock: Clock;
  /** Whose call it is. Without it, nobody says who calls, and each address is one caller. */
  principalOf?: ((values: ContextValues) => string | undefined) | undefined;
}

export function createCallLimits({ limits, onLimit, clock, principalOf }: CallLimitsOptions): CallLimits {
  const now = () => performance.now();
  const admission = createAdmission({ max: limits.maxRequests, now });
  const createRate = () => createTokenBuckets(limits.requestRate, limits.requestRate, now);
  const byAddress = createRate();
  const holdBack = createHoldBack(clock);

  async function refuse(error: TaskError, signal: AbortSignal): Promise<never> {
    noteLimit(error, onLimit);
    await holdBack(signal);
    throw error;
  }
  return {
    admit(request, isCall, saysWho = false) {
      // Behind a proxy all callers have one address. Where each says who it is, each is counted by that.
      const wait = principalOf === undefined || !saysWho ? byAddress.take(networkOf(request.connection)) : 0;
      if (wait > 0) {
        const error = overloaded("request_rate", "more requests come from this address than may", wait);
        return refuse(error, request.signal);
      }
      return isCall && admission.isFull() ? refuse(tooMany(), request.signal) : undefined;
    },
    authenticate: (authenticate) => async (request, method) => {
      try {
        await authenticate(request, method);
      } catch (error) {
        const wait = byAddress.take(networkOf(request.contextValues?.get(connectionKey)));
        if (wait === 0) throw error;
        const message = "more requests come from this address than may, of callers that may not call";
        await refuse(overloaded("request_rate", message, wait), request.signal);
      }
    },
    interceptor: createLimitInterceptor({
      admission,
      subscriptions: createSubscriptionLimits(limits),
      rate: createRate(),
      principalOf: (values) => {
        const principal = principalOf?.(values);
        // A call that everybody may make says not who makes it. No principal's name has a blank.
        return principal === "" ? `from ${networkOf(values.get(connectionKey))}` : principal;
      },
      holdBack,
      onLimit,
    }),
  };
}

/** Names the network that a request comes from: an address of IPv4, or the 64 bits of IPv6 that one site has to itself. */
function networkOf(connection: Connection | undefined): string {
  const address = connection?.address ?? "";
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = [], tail = []] = address.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const missing = Math.max(0, 8 - head.length - tail.length);
  return [...head, ...Array<string>(missing).fill("0"), ...tail].slice(0, 4).join(":");
}
