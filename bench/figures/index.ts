import { deltas } from "./deltas.ts";
import { emptyCall } from "./empty-call.ts";
import { fullStore } from "./full-store.ts";
import { job } from "./job.ts";
import { latency } from "./latency.ts";
import { mailbox } from "./mailbox.ts";
import { memory } from "./memory.ts";
import { sendEvent } from "./send-event.ts";

/** What is measured, in this order. */
export const figures = [emptyCall, sendEvent, job, latency, deltas, memory, mailbox, fullStore];
