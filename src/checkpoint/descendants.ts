import { builderError } from "../ground/errors/builder-errors.js";
import type { NetworkWeights } from "./network/checkpoint.js";

/** A program that grew out of nnU-Net, and trains networks that are not built in. */
export interface Descendant {
  readonly name: string;
  /** What its network is. */
  readonly network: string;
  /** The names of its trainers. */
  readonly trainer: RegExp;
  /** The name of a tensor that only its networks have; null if they have none of their own. */
  readonly tensor: RegExp | null;
}

const descendants: readonly Descendant[] = [
  {
    name: "MedNeXt",
    network: "MedNeXt",
    trainer: /MedNeXt/i,
    tensor: /^enc_block_\d+\.\d+\.conv1\.weight$/,
  },
  {
    name: "U-Mamba",
    network: "UMambaBot or UMambaEnc",
    trainer: /UMamba|Mamba(?:Bot|Enc)/i,
    tensor: /\.mamba\.A_log$|(?:^|\.)mamba_layers?\..*A_log$|\.A_log$/,
  },
  {
    name: "STU-Net",
    network: "STUNet",
    trainer: /STUNet/i,
    tensor: /^upsample_layers\.\d+\.conv\.weight$/,
  },
  {
    name: "nnInteractive",
    network: "a ResidualEncoderUNet with further channels for clicks, boxes and scribbles",
    trainer: /nnInteractive/i,
    tensor: null,
  },
  {
    name: "nnFormer",
    network: "nnFormer",
    trainer: /nnFormer/i,
    tensor: /^model_down\.layers\.\d+\.blocks\./,
  },
];

/** Returns the program whose trainer or network a checkpoint has; null for nnU-Net's own, and for unknown ones. */
export function descendantOf(trainer: string | null, tensorNames: Iterable<string>): Descendant | null {
  const byTrainer = trainer === null ? undefined : descendants.find((one) => one.trainer.test(trainer));
  if (byTrainer !== undefined) return byTrainer;
  for (const name of tensorNames) {
    const found = descendants.find(({ tensor }) => tensor?.test(name) === true);
    if (found !== undefined) return found;
  }
  return null;
}

/**
 * Refuses the network of a descendant before any of it is read as one of nnU-Net's.
 *
 * @param source for messages
 * @throws ARCHITECTURE_UNKNOWN
 */
export function refuseDescendant(
  source: string,
  { trainer, weights }: { readonly trainer: string; readonly weights: NetworkWeights },
): void {
  const found = descendantOf(trainer, weights.keys());
  if (found !== null) throw builderError("ARCHITECTURE_UNKNOWN", descendantText(source, found));
}

export const descendantText = (source: string, { name, network }: Descendant): string =>
  `${source}: this is a checkpoint of ${name}, whose network (${network}) is not built in`;
