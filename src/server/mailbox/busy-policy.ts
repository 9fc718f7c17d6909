import { OnBusy } from "../../proto.ts";
import type { BusyPolicy } from "../store/records.ts";

/** What an event does to a task that is busy, as the protocol says it. */
export const busyPolicies: Readonly<Record<BusyPolicy, OnBusy>> = {
  queue: OnBusy.QUEUE,
  interrupt: OnBusy.INTERRUPT,
  reject: OnBusy.REJECT,
  steer: OnBusy.STEER,
};
