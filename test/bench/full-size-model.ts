import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";

/** Writes nnU-Net's default network for a large CT: 31 million parameters, patch 128³, random weights. */
export async function writeFullSizeModel(folder: string): Promise<string> {
  const script = join(repositoryRoot, "test", "bench", "peer", "full_size_model.py");
  await measureProcess([
    ...([join(nnunetBin(), "python"), script] as const),
    ...[goldenPath("v2", "blobs_3d_fullres", "model"), folder],
  ]);
  return folder;
}
