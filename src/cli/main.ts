#!/usr/bin/env node
import { nodeFault } from "./node-version.ts";

// A Node that is too old cannot even load the rest, and would tell so in words that nobody understands.
const fault = nodeFault(process.versions.node);
if (fault !== undefined) {
  console.error(`pigeonhole: this is Node ${fault}`);
  process.exit(1);
}
await import("./run.ts");
