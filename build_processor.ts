#!/usr/bin/env node
import "./processor/contract/require-node.js";

// Loaded only now, because an older Node cannot even read all of it.
const { main } = await import("./src/cli/main.js");

process.exitCode = await main(process.argv.slice(2));
