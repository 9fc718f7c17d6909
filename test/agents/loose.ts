import { defineAgent } from "../../src/server/index.ts";

/** Leaves a callback behind that throws once its turn is over: of itself, or because it uses the turn if `late` is asked for. */
export default defineAgent({
  name: "loose",
  onTaskCreate(ctx) {
    setImmediate(() => {
      if (ctx.task.params.late === true) ctx.state.set("too", "late");
      else throw new Error("a loose end");
    });
  },
  onTaskEventSend() {},
});
