import { access, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { build } from "esbuild";
import { ProcessorError } from "../processor/errors.js";

/**
 * Bundles a user's `--process-img-file` (TypeScript or JavaScript) with what it imports into one module for Node.
 *
 * @throws HOOK_INVALID for a missing file, a Python module, or with the compiler's own message, file and line
 */
export async function bundleHook(file: string, target: string): Promise<void> {
  await access(file).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === "ENOENT" ? "does not exist" : `cannot be read (${cause.code})`;
    throw new ProcessorError("HOOK_INVALID", `${file} ${reason}`, { cause });
  });
  if (extname(file).toLowerCase() === ".py") {
    throw new ProcessorError(
      "HOOK_INVALID",
      `${file} is a Python file; a hook module is TypeScript or JavaScript`,
    );
  }
  const result = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
    legalComments: "inline",
  }).catch(
    (cause: {
      readonly errors?: readonly {
        readonly text: string;
        readonly location: { readonly file: string; readonly line: number } | null;
      }[];
    }) => {
      const reasons = (cause.errors ?? []).map(({ text, location }) =>
        location === null ? text : `${location.file}:${location.line}: ${text}`,
      );
      throw new ProcessorError("HOOK_INVALID", `${file}: ${reasons.join("; ") || String(cause)}`, { cause });
    },
  );
  await writeFile(target, result.outputFiles[0]!.contents);
}
