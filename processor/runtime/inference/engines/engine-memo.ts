import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { cacheFolderOrNull } from "../../../contract/cache-folder.js";
import { type Checked, number, record } from "../../../contract/json-check.js";
import { openvinoVersion } from "../../../contract/openvino-libraries.js";
import { parseOrNull } from "../../../contract/parse-checked.js";
import { makeFolder } from "../../../files/make-folder.js";
import { readTextFile } from "../../../files/read-text-file.js";
import { writeFileWhole } from "../../../files/write-file.js";
import type { CpuFacts } from "./cpu-facts.js";
import type { NetworkKind } from "./engine-table.js";
import type { EngineName } from "./inference-engine.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** The time of one window with each engine. */
const measuredEngines = record({ onnxruntimeMs: number, openvinoMs: number });

export type MeasuredEngines = Checked<typeof measuredEngines>;

export const fasterOf = ({ onnxruntimeMs, openvinoMs }: MeasuredEngines): EngineName =>
  openvinoMs < onnxruntimeMs ? "openvino" : "onnxruntime";

/** Returns the faster engine that an earlier run measured on this CPU; null if there was none. */
export async function recallEngine(
  environment: Environment,
  cpu: CpuFacts,
  kind: NetworkKind,
): Promise<EngineName | null> {
  const file = memoFile(environment, cpu, kind);
  if (file === null) return null;
  // If it is missing or damaged, the engines are measured again.
  const text = await readTextFile(file, maxMemoBytes).catch(() => "");
  const measured = parseOrNull(text, measuredEngines);
  return measured === null ? null : fasterOf(measured);
}

/** Remembers a measurement in the user's cache, if that can be written. */
export async function rememberEngine(
  environment: Environment,
  {
    cpu,
    kind,
    measured,
  }: { readonly cpu: CpuFacts; readonly kind: NetworkKind; readonly measured: MeasuredEngines },
): Promise<void> {
  const file = memoFile(environment, cpu, kind);
  if (file === null) return;
  const text = `${JSON.stringify({ cpu: cpu.model, kind, ...measured })}\n`;
  try {
    await makeFolder(dirname(file));
    await writeFileWhole(file, [Buffer.from(text)]);
  } catch {
    // Containers often have no folder that can be written. The next run measures again.
  }
}

const maxMemoBytes = 4096;

/** A record holds for one CPU model, one kind of network and one pair of versions. */
function memoFile(environment: Environment, cpu: CpuFacts, kind: NetworkKind): string | null {
  const cache = cacheFolderOrNull(environment);
  if (cache === null) return null;
  const key = createHash("sha256")
    .update(JSON.stringify([cpu.model, cpu.instructions, kind, openvinoVersion]))
    .digest("hex");
  return join(cache, "inference-engines", `faster-${key.slice(0, 16)}.json`);
}
