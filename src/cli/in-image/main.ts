import { processTerminal } from "../terminal.js";
import { mainInImage } from "./program.js";

process.exitCode = await mainInImage(process.argv.slice(2), processTerminal());
