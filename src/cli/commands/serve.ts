import { defineCommand } from "../command.ts";
import { checkNode } from "../health.ts";
import { serveOptions } from "../serve-options.ts";

export const serve = defineCommand({
  name: "serve",
  args: "AGENT...",
  summary: "Serve agents: modules whose default export is defineAgent({ ... }), or a list of several.",
  details:
    "SIGTERM or SIGINT stops it: turns may finish, the rest waits in the mailboxes. A second one ends it at once.",
  options: {
    ...serveOptions,
    watch: {
      type: "boolean",
      summary: "Start again when a file of an agent changes. Tasks live on in the store.",
    },
  },
  async run({ args, values, output }) {
    const { verdict, message } = checkNode();
    if (verdict === "failed") throw new Error(`this is Node ${message}`);
    // Loaded here, so that no other command loads the server, and not by a Node that has not what it imports.
    if (values.watch) return (await import("../serve-watch.ts")).serveWatch(values, output);
    return (await import("../serve-command.ts")).serveCommand(args, values, output);
  },
});
