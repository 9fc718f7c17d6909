// Never comes to an end with its first event, so that what is measured is what the server does to accept the others.
import { once } from "node:events";
import { defineAgent } from "../../src/server/index.ts";

export default defineAgent({
  name: "sink",
  cancelGrace: 0,
  mailbox: { maxPending: 1_000_000 },
  async onTaskEventSend(ctx) {
    await once(ctx.signal, "abort");
  },
});
