import { join } from "node:path";
import { type Figure, interleave, perSecond, rateRows, row } from "../figure.ts";
import { databaseFile, startPigeonhole } from "../pigeonhole.ts";
import { runTool } from "../run-tool.ts";
import { ratios } from "../stats.ts";
import { sendEvents } from "./send-event.ts";

const events = 1_000_000;

export const fullStore: Figure = {
  name: "full-store",
  title: "SendEvent on a store that holds a million events, beside an empty one",
  async measure(bench) {
    const file = databaseFile(bench);
    await runTool(process.execPath, [join(import.meta.dirname, "../fill-store.ts"), file, String(events)]);
    await using full = await startPigeonhole(bench, file);
    await using empty = await startPigeonhole(bench);
    const rates = await interleave(bench.rounds, {
      empty: () => sendEvents(bench, empty, "Connect", "blocked"),
      full: () => sendEvents(bench, full, "Connect", "blocked"),
    });
    return [
      ...rateRows("empty store", "events/s", rates.empty),
      ...rateRows("store of 1,000,000 events", "events/s", rates.full),
      row(
        "store of 1,000,000 events: to the empty one",
        "ratio",
        ratios(perSecond(rates.full), perSecond(rates.empty)),
        {
          atLeast: 0.9,
        },
      ),
    ];
  },
};
