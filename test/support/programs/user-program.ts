import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../golden.js";

export interface UserProgramOptions {
  /** The folder for the program; it must exist. */
  readonly folder: string;
  /** The folder of the installed package, or of a clone. */
  readonly packageFolder: string;
  /** A module in TypeScript that prints a JSON document. */
  readonly program: string;
  readonly args: readonly string[];
}

/** Compiles a program with strict settings, which check the package's declarations as well, and runs it. */
export function runUserProgram({ folder, packageFolder, program, args }: UserProgramOptions): unknown {
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
  const out = execFileSync(process.execPath, ["program.js", ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return JSON.parse(out) as unknown;
}
