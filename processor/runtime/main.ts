#!/usr/bin/env node
/** The program in an image. */
import "../contract/require-node.js";

// Loaded only now, because an older Node cannot even read all of it.
const { main } = await import("./program.js");

process.exitCode = await main(process.argv.slice(2));
