import { defineCommand } from "../command.ts";
import { checkNode } from "../health.ts";
import { printConfig } from "../print-config.ts";
import { serveOptions } from "../serve-options.ts";
import { readServeSettings } from "../serve-settings.ts";

export const serve = defineCommand({
  name: "serve",
  args: "[AGENT...]",
  summary: "Serve agents: modules whose default export is defineAgent({ ... }), or a list of several.",
  details: `SIGTERM or SIGINT stops it: turns may finish, the rest waits in the mailboxes. A second one ends it at once.
What no option says is taken from the environment (PIGEONHOLE_PORT is --port), or else from --config. Times are seconds, or
such as 10m; sizes are bytes, or such as 4MiB.`,
  options: {
    ...serveOptions,
    config: {
      type: "string",
      value: "file",
      summary: "A JSON file of settings: the names of these options, and agents. Default: PIGEONHOLE_CONFIG.",
    },
    "print-config": {
      type: "boolean",
      summary: "Print the settings, and where each comes from. Serves nothing.",
    },
    watch: {
      type: "boolean",
      summary: "Start again when a file of an agent changes. Tasks live on in the store.",
    },
  },
  async run({ args, values, output }) {
    const { verdict, message } = checkNode();
    if (verdict === "failed") throw new Error(`this is Node ${message}`);
    const configuration = readServeSettings(args, values, process.env);
    if (values["print-config"]) return printConfig(configuration.shown, output);
    // Loaded here, so that no other command loads the server, and not by a Node that has not what it imports.
    if (values.watch) return (await import("../serve-watch.ts")).serveWatch(configuration, output);
    const { agents, settings } = configuration;
    return (await import("../serve-command.ts")).serveCommand(agents, settings, output);
  },
});
