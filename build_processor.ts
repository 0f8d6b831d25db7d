#!/usr/bin/env node
import "./processor/contract/require-node.js";
import module from "node:module";
import { join } from "node:path";
import { cacheFolderOrNull } from "./processor/contract/cache-folder.js";

// Node 22 and newer keep compiled modules. The user's own cache is safe from other users, unlike the folder for temporary
// files; a cache that cannot be written is left out.
const cacheFolder = cacheFolderOrNull(process.env);
const enableCompileCache: unknown = Reflect.get(module, "enableCompileCache");
if (cacheFolder !== null && typeof enableCompileCache === "function")
  enableCompileCache(join(cacheFolder, "compiled"));

// Loaded only now, because an older Node cannot even read all of it.
const { main } = await import("./src/cli/main.js");

process.exitCode = await main(process.argv.slice(2));
