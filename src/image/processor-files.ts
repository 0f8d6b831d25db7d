import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type LayerFile, layerFile, sortedEntries } from "./image-plan.js";

/** The program's own folder: `package.json`, `templates/`, `base-image/` and the compiled `dist/`. */
export const installFolder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Where the processor lies in an image. */
export const processorDirectory = "/opt/nnunet-processor";

/** Where the converted model lies in an image: `manifest.json`, ONNX files and weights. */
export const modelDirectory = `${processorDirectory}/model`;

const inImage = processorDirectory.slice(1);

/** What starts in an image. */
export const processorEntrypoint = [
  "/usr/local/bin/node",
  `${processorDirectory}/processor/main.js`,
] as const;

/**
 * The compiled processor as it lies in an image, without type declarations and source maps; `package.json` tells
 * its version and that the files are ES modules.
 *
 * @param folder the compiled processor, by default this installation's own
 */
export async function listProcessorFiles(
  folder = join(installFolder, "dist", "processor"),
): Promise<readonly LayerFile[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found
    .filter((entry) => entry.isFile() && /\.(js|json|wasm|onnx)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) =>
      layerFile(`${inImage}/processor/${relative(folder, file).split(sep).join("/")}`, { file }),
    );
  const identity = {
    name: "nnunet-processor",
    version: await programVersion(),
    type: "module",
    private: true,
  };
  const packageJson = layerFile(`${inImage}/package.json`, {
    text: `${JSON.stringify(identity, null, 2)}\n`,
  });
  return sortedEntries([...files, packageJson]) as LayerFile[];
}

/** This program's version. */
export async function programVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(installFolder, "package.json"), "utf8")) as {
    readonly version: string;
  };
  return version;
}
