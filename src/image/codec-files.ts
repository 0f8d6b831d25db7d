import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { layerPath, places } from "../../processor/contract/places.js";
import { packageRoot } from "../ground/files/package-root.js";
import { type LayerFile, layerFile, sortedEntries } from "./image-plan.js";

/** What an image needs of each codec for compressed DICOM images: only the decoder, as WebAssembly. */
const decoders = {
  "@cornerstonejs/codec-charls": "charlswasm_decode",
  "@cornerstonejs/codec-openjpeg": "openjpegwasm_decode",
  "@cornerstonejs/codec-openjph": "openjphjs",
} as const;

/**
 * Lists the decoders of JPEG-LS and JPEG 2000, which are the only packages that reading DICOM needs, with the licences of the
 * libraries that they are built from.
 */
export function listCodecFiles(): readonly LayerFile[] {
  const require = createRequire(import.meta.url);
  const files = Object.entries(decoders).flatMap(([name, decoder]) => {
    const folder = dirname(dirname(require.resolve(name)));
    const place = `${layerPath(places.anyModel.packages)}/${name}`;
    return [
      layerFile(`${place}/package.json`, { text: readFileSync(join(folder, "package.json"), "utf8") }),
      ...[`${decoder}.js`, `${decoder}.wasm`].map((file) =>
        layerFile(`${place}/dist/${file}`, { file: join(folder, "dist", file) }),
      ),
    ];
  });
  const licences = layerFile(`${layerPath(places.anyModel.packages)}/@cornerstonejs/LICENCES.txt`, {
    file: join(packageRoot, "templates", "dicom-codecs-licences.txt"),
  });
  return sortedEntries([...files, licences]) as LayerFile[];
}

/** Parts of an image above its base that a build may leave out. */
export const ownParts = ["dicom", "service"] as const;

export type OwnPart = (typeof ownParts)[number];
