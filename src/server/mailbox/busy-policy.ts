import { OnBusy } from "../../proto.ts";
import type { BusyPolicy } from "../store/records.ts";

/** What an event does to a task that is busy, as the protocol says it. */
export const busyPolicies: Readonly<Record<BusyPolicy, OnBusy>> = {
  queue: OnBusy.QUEUE,
  interrupt: OnBusy.INTERRUPT,
  reject: OnBusy.REJECT,
  steer: OnBusy.STEER,
};

/** Gives what an event says that it does to a task that is busy. Nothing if it leaves that to the agent. */
export function busyPolicyOf(onBusy: OnBusy): BusyPolicy | undefined {
  switch (onBusy) {
    case OnBusy.UNSPECIFIED:
      return undefined;
    case OnBusy.QUEUE:
      return "queue";
    case OnBusy.INTERRUPT:
      return "interrupt";
    case OnBusy.REJECT:
      return "reject";
    case OnBusy.STEER:
      return "steer";
  }
}
