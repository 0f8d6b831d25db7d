import { writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { ProcessorError } from "../processor/errors.js";

/**
 * Bundles a user's `--process-img-file` (TypeScript or JavaScript) with what it imports into one module for Node.
 *
 * @throws HOOK_INVALID with the compiler's own message, file and line
 */
export async function bundleHook(file: string, target: string): Promise<void> {
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
