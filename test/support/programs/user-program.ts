import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../golden.js";

/** A program that uses the package: it converts a model, segments images and reads the reports. */
const program = `
import { build, convert, inspect, predict, preflight, ProcessorError, simulate, verify, type ProgressEvent } from "nnunet-processor";
import type { LabelMap, ProcessImageModule } from "nnunet-processor/hooks";

export const postProcessImage: ProcessImageModule["postProcessImage"] = ({ labelMap }): LabelMap => labelMap;

const [modelDir, input] = process.argv.slice(2) as [string, string];
const events: ProgressEvent[] = [];
const onProgress = (event: ProgressEvent): void => void events.push(event);

const { folder, manifest } = await convert({ modelDir, outputDir: "converted", onProgress });
const { cases } = await predict({ modelDir: folder, inputs: [input], outputDir: "out", useTta: false, onProgress });
const inspection = await inspect(folder);
const missing = await convert({ modelDir: "missing", outputDir: "x" }).catch((error: unknown) => error);
const stopped = await predict({
  modelDir: folder,
  inputs: [input],
  outputDir: "stopped",
  signal: AbortSignal.abort(),
}).catch((error: unknown) => error);
const unbuilt = await build({ modelDir: "missing", tag: "a:1", archiveFormat: "tar.gz" }).catch((error: unknown) => error);
const unknown = await Promise.all(
  [preflight({ image: "none.tar.gz" }), simulate({ image: "a:1", input: "none" }), verify({ image: "none.tar.gz", modelDir })].map(
    (made: Promise<unknown>) => made.catch((error: unknown) => error),
  ),
);
const codeOf = (error: unknown): string => (error instanceof ProcessorError ? error.code : String(error));

console.log(
  JSON.stringify({
    models: manifest.models.length,
    statuses: cases.map(({ status }) => status),
    kind: inspection.kind,
    hasProgress: events.some((event) => event.kind === "task" && event.isFinished),
    codes: [missing, stopped, unbuilt, ...unknown].map(codeOf),
    help: missing instanceof ProcessorError ? missing.help : "",
  }),
);
`;

export interface UserProgramOptions {
  /** The folder for the program; it must exist. */
  readonly folder: string;
  /** The folder of the installed package, or of a clone. */
  readonly packageFolder: string;
  readonly modelDir: string;
  readonly input: string;
}

/** Compiles the program with strict settings, which check the package's declarations as well, and runs it. */
export function runUserProgram({ folder, packageFolder, modelDir, input }: UserProgramOptions): unknown {
  mkdirSync(join(folder, "node_modules", "@types"), { recursive: true });
  symlinkSync(packageFolder, join(folder, "node_modules", "nnunet-processor"));
  const types = join("node_modules", "@types", "node");
  symlinkSync(join(repositoryRoot, types), join(folder, types));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "program.ts"), program);
  const options = {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
    ...{ module: "nodenext", target: "es2023", types: ["node"], skipLibCheck: false },
  };
  const tsconfig = { compilerOptions: options, files: ["program.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  const compiler = join(repositoryRoot, "node_modules", "typescript", "bin", "tsc");
  const compiled = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
  if (compiled.status !== 0) throw new Error(compiled.stdout);
  const out = execFileSync(process.execPath, ["program.js", modelDir, input], {
    cwd: folder,
    encoding: "utf8",
  });
  return JSON.parse(out) as unknown;
}
