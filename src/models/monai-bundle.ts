import { join } from "node:path";
import { readTextFile } from "../../processor/files/read-text-file.js";

/** The places of a bundle's description, from its folder. */
const places = ["configs/inference.json", "inference.json", "configs/metadata.json"];

/** Such files have a few kilobytes. */
const maxBytes = 1 << 20;

/**
 * Returns a sentence about a folder that is a bundle of MONAI, with the class of its network; null for other folders.
 * Bundles are not converted, because their preprocessing is a list of MONAI's transforms.
 */
export async function monaiBundleText(folder: string): Promise<string | null> {
  for (const place of places) {
    const text = await readTextFile(join(folder, place), maxBytes).catch(() => null);
    if (text === null) continue;
    const network = networkIn(text);
    if (network === null) continue;
    return `; it is a bundle of MONAI with the network ${network}, which is not converted: export the network to ONNX, write plans.json and dataset.json for it, and name the file with --onnx`;
  }
  return null;
}

/** Finds `"network_def": {"_target_": "DynUNet"}`; the name has no module. */
function networkIn(text: string): string | null {
  const found =
    /"network(?:_def)?"\s{0,20}:\s{0,20}\{[^{}]{0,2000}?"_target_"\s{0,20}:\s{0,20}"([\w.]{1,200})"/.exec(
      text,
    );
  return found?.[1]?.split(".").at(-1) ?? null;
}
