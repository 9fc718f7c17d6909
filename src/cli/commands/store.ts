import { statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { defineCommand, type Options } from "../command.ts";
import { largeStore } from "../health.ts";
import type { Output } from "../output.ts";
import { withProgress } from "../progress.ts";

const storeOptions = {
  store: {
    type: "string",
    value: "url",
    summary: "The store, sqlite:PATH. Default: PIGEONHOLE_STORE, or else sqlite:./pigeonhole.db.",
  },
} as const satisfies Options;

/** Tells which store a command is about that works on one: the server's, by default, where both have one environment. */
export function storeOf({ store }: { readonly store?: string }): string {
  return store ?? (process.env.PIGEONHOLE_STORE || "sqlite:./pigeonhole.db");
}

const backup = defineCommand({
  name: "backup",
  args: "FILE",
  summary: "Copy the store to a file, also while a server uses it. The file is whole, or not there.",
  options: { ...storeOptions, force: { type: "boolean", summary: "Replace what is there." } },
  async run({ args: [file = ""], values, output }) {
    const store = storeOf(values);
    let share = 0;
    const onProgress = (done: number) => {
      share = done;
    };
    const work = loadTools().then((tools) =>
      tools.withStoreTools(({ backupStore }) =>
        backupStore(store, file, { force: values.force === true, onProgress }),
      ),
    );
    await withProgress(() => `copying ${Math.floor(share * 100)} %`, work);
    const bytes = statSync(file).size;
    await output.show({ store, file, bytes }, () => `${store} is backed up in ${file}, ${bytes} bytes.\n`);
    return 0;
  },
});

const restore = defineCommand({
  name: "restore",
  args: "FILE",
  summary: "Put a backup in the place of the store. No server may use it.",
  options: {
    ...storeOptions,
    force: { type: "boolean", summary: "Replace what is there: a store that is replaced is moved aside." },
  },
  async run({ args: [file = ""], values, output }) {
    const store = storeOf(values);
    noteSize(`sqlite:${file}`, output);
    const { withStoreTools } = await loadTools();
    const replaced = await withStoreTools(({ restoreStore }) =>
      restoreStore(file, store, { force: values.force === true, now: new Date() }),
    );
    await output.show({ store, file, ...(replaced !== undefined && { replaced }) }, () => {
      const aside = replaced === undefined ? "" : ` What was there is ${replaced} now.`;
      return `${store} is restored from ${file}.${aside}\n`;
    });
    return 0;
  },
});

const check = defineCommand({
  name: "store check",
  args: "",
  summary:
    "Check the store, also while a server uses it: its structure, and what its tables say of each other.",
  details: "Prints a line for each finding, and ends with 1 if there is any.",
  options: storeOptions,
  async run({ values, output }) {
    const store = storeOf(values);
    noteSize(store, output);
    const { withStoreTools } = await loadTools();
    const counts = await withStoreTools(async ({ checkStore }) => {
      let checks = 0;
      let findings = 0;
      for (const finding of checkStore(store)) {
        if (finding === undefined) {
          checks += 1;
          // Lets a signal come through between two checks.
          await setImmediate();
          continue;
        }
        findings += 1;
        const { check, taskId, detail } = finding;
        const about = taskId === undefined ? "" : `task ${taskId}: `;
        await output.show(finding, () => `${output.paint("red", "failed")}  ${about}${detail}  (${check})\n`);
      }
      return { checks, findings };
    });
    await output.show(
      { store, ...counts },
      () => `${store}: ${counts.checks} checks, ${counts.findings} findings.\n`,
    );
    return counts.findings === 0 ? 0 : 1;
  },
});

/** What is done to a store itself. */
export const storeCommands = [backup, restore, check];

/** Loaded when it is needed: it is the server's. */
function loadTools() {
  return import("../store-tools.ts");
}

function noteSize(store: string, output: Output): void {
  const large = largeStore(store);
  if (large !== undefined) output.note(`Reading all of it, ${large}: that takes a while.`);
}
