import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "vite";

const root = join(import.meta.dirname, "..");
const sources = join(root, "src/server/store/sqlite");
const bundle = join(root, "node_modules/.cache/pigeonhole-tests");
/** How a store names its thread. */
const started = /new URL\([^()]*\bworker\b[^()]*\([^()]*\)[^()]*, import\.meta\.url\)/;

/**
 * Has the sources compiled once, and not by each process and thread that tests start: that took most of their time. Node keeps what it has
 * compiled for the next process, and the threads of a store that a test opens begin with one file, where they are near a hundred modules.
 */
export function compileOnce(): Plugin {
  return {
    name: "compile-once",
    config() {
      process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules/.cache/compiled");
    },
    async buildStart() {
      await build({
        configFile: false,
        logLevel: "error",
        build: {
          ssr: join(sources, "worker.ts"),
          outDir: bundle,
          target: "esnext",
          rolldownOptions: { output: { entryFileNames: "store-thread.mjs" } },
        },
        ssr: { noExternal: true, resolve: { conditions: ["pigeonhole-source"] } },
      });
    },
    transform(code, id) {
      if (id !== join(sources, "channel.ts")) return undefined;
      if (!started.test(code)) throw new Error("the threads of a store are started another way");
      const url = pathToFileURL(join(bundle, "store-thread.mjs"));
      return { code: code.replace(started, `new URL(${JSON.stringify(url.href)})`), map: null };
    },
  };
}
