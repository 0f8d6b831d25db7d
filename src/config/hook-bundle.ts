import { rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { build } from "esbuild-wasm";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { openRegularFile } from "../../processor/files/read-text-file.js";
import { makeTemporaryFolder } from "../../processor/files/temporary-folder.js";
import { whyNotFound } from "../../processor/files/why-unreadable.js";

/** The name of a bundled hook module. */
export const hookModuleName = "process-img.mjs";

/**
 * Bundles a user's hook module into a temporary folder, which is deleted after `use`. Without a module `use` gets null.
 *
 * @throws HOOK_INVALID
 */
export async function withBundledHook<T>(
  file: string | null,
  use: (hookModule: string | null) => Promise<T>,
): Promise<T> {
  if (file === null) return use(null);
  const folder = await makeTemporaryFolder("hook", null);
  try {
    const hookModule = join(folder, hookModuleName);
    await bundleHook(file, hookModule);
    return await use(hookModule);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Bundles a user's `--process-img-file` (TypeScript or JavaScript) with what it imports into one module for Node.
 *
 * @throws HOOK_INVALID for a missing file, a Python module, or with the compiler's own message, file and line
 */
export async function bundleHook(file: string, target: string): Promise<void> {
  try {
    await (await openRegularFile(file)).close();
  } catch (cause) {
    throw sharedError("HOOK_INVALID", `${file}${await whyNotFound(file, cause)}`, { cause });
  }
  if (extname(file).toLowerCase() === ".py") {
    throw sharedError("HOOK_INVALID", `${file} is a Python file; a hook module is TypeScript or JavaScript`);
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
      throw sharedError("HOOK_INVALID", `${file}: ${reasons.join("; ") || String(cause)}`, { cause });
    },
  );
  await writeFile(target, result.outputFiles[0]!.contents);
}
