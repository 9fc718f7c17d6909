import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { figures } from "./figures/index.ts";
import { machine } from "./machine.ts";
import { printJson, printTable } from "./report.ts";

const usage = `Usage: npm run bench -- [options]

Measures Pigeonhole, and its peer @a2a-js/sdk, on this machine. Each figure is the median of several rounds, in which
what is compared takes turns; min and max tell the spread.

  --only <name>   measure one figure; may be repeated: ${figures.map((figure) => figure.name).join(", ")}
  --rounds <n>    rounds per figure (default 5)
  --json          print one JSON object a line (with npm run --silent)
  --help          print this`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    rounds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(usage);
  process.exit(0);
}

const unknown = values.only?.filter((name) => !figures.some((figure) => figure.name === name)) ?? [];
const rounds = Number(values.rounds);
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error(usage);
  process.exit(2);
}

const directory = await mkdtemp(join(tmpdir(), "pigeonhole-bench-"));
process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const facts = await machine(directory);
console.log(values.json ? JSON.stringify({ figure: "machine", ...facts }) : facts);
for (const figure of figures) {
  if (values.only && !values.only.includes(figure.name)) continue;
  const rows = await figure.measure({ rounds, directory });
  if (values.json) for (const row of rows) printJson(figure.name, row);
  else printTable(figure.title, rows);
}
