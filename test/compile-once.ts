import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "vite";

const root = join(import.meta.dirname, "..");
const sources = join(root, "src/server/store/sqlite");
const cache = join(root, "node_modules/.cache");
const thread = join(cache, "store-thread.mjs");
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
      process.env.NODE_COMPILE_CACHE ??= join(cache, "compiled");
    },
    async buildStart() {
      const code = await bundle(join(sources, "worker.ts"));
      // Put in place as a whole: the tests of another run may be about to read it.
      const written = `${thread}.${process.pid}`;
      mkdirSync(cache, { recursive: true });
      writeFileSync(written, code);
      renameSync(written, thread);
    },
    transform(code, id) {
      if (id !== join(sources, "channel.ts")) return undefined;
      if (!started.test(code)) throw new Error("the threads of a store are started another way");
      const url = JSON.stringify(pathToFileURL(thread).href);
      return { code: code.replace(started, `new URL(${url})`), map: null };
    },
  };
}

/** Makes one file of a module and all that it imports. */
async function bundle(path: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    build: { ssr: path, write: false, target: "esnext" },
    ssr: { noExternal: true, resolve: { conditions: ["pigeonhole-source"] } },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (output === undefined || !("output" in output)) throw new Error(`${path} was not bundled`);
  return output.output[0].code;
}
