import type { Connection } from "./http/index.ts";
import { overloaded } from "./limit-refusals.ts";

/** Counts what callers leave open: subscriptions, and calls that wait for an event. */
export interface SubscriptionLimits {
  /** Counts one more. Throws OVERLOADED. What it returns is called once it is over, and does nothing the second time. */
  open(principal: string, connection: Connection | undefined): () => void;
}

export interface SubscriptionBounds {
  maxSubscriptions: number;
  maxConnectionSubscriptions: number;
}

export function createSubscriptionLimits(bounds: SubscriptionBounds): SubscriptionLimits {
  const { maxSubscriptions, maxConnectionSubscriptions } = bounds;
  const open = new Map<string, number>();
  return {
    open(principal, connection) {
      const count = open.get(principal) ?? 0;
      if (count >= maxSubscriptions) {
        throw overloaded("subscriptions", `${count} subscriptions are open, as many as one caller may have`);
      }
      if (connection !== undefined && connection.subscriptions >= maxConnectionSubscriptions) {
        const message = `the connection has ${connection.subscriptions} subscriptions, as many as it may`;
        throw overloaded("connection_subscriptions", message);
      }
      open.set(principal, count + 1);
      if (connection !== undefined) connection.subscriptions += 1;
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        if (connection !== undefined) connection.subscriptions -= 1;
        const rest = (open.get(principal) ?? 1) - 1;
        // A principal that has nothing open leaves nothing behind.
        if (rest === 0) open.delete(principal);
        else open.set(principal, rest);
      };
    },
  };
}
