#!/usr/bin/env node
/** The program in an image. */
import "../contract/require-node.js";

// The program is imported here and not above, because an older Node cannot parse all of it.
const { main } = await import("./program.js");

process.exitCode = await main(process.argv.slice(2));
