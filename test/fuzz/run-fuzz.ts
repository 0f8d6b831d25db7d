/** Fuzzes the readers: `npm run fuzz -- --seconds 3600 --seed 7 --reader nrrd`. */
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.js";
import { fuzzedReaders } from "./readers.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    seconds: { type: "string", default: "600" },
    reader: { type: "string", multiple: true },
  },
});
const readers = values.reader ?? Object.keys(fuzzedReaders);
const unknown = readers.filter((name) => !Object.hasOwn(fuzzedReaders, name));
if (unknown.length > 0)
  throw new Error(`no reader ${unknown.join(", ")}; there are ${Object.keys(fuzzedReaders).join(", ")}`);
console.log(`seed ${values.seed}, ${values.seconds} s`);
const { counts, failures } = await fuzz({
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  readers,
});
for (const [name, { inputs, accepted, refused }] of Object.entries(counts))
  console.log(`${name.padEnd(20)} ${inputs} inputs, ${accepted} accepted, ${refused} refused`);
for (const { reader, reason, file } of failures) console.log(`\n${reader}: ${file}\n${reason}`);
console.log(`${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
