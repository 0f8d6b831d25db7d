import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { GpuRequirements } from "../../processor/contract/gpu-requirements.js";
import type { Device } from "../../processor/contract/manifest.js";
import { packageRoot } from "../files/package-root.js";

export const baseVariants = ["cpu", "cuda12", "cuda13"] as const;

/** A folder of `base-image/`. */
export type BaseVariant = (typeof baseVariants)[number];

export const cudaMajors = ["12", "13"] as const;

/** Major version of CUDA. */
export type CudaMajor = (typeof cudaMajors)[number];

/** `base-image/versions.json`: the one table of what each image holds and asks for. */
export interface VersionsTable {
  readonly defaultCuda: CudaMajor;
  readonly variants: Readonly<Record<BaseVariant, VariantVersions>>;
}

export interface VariantVersions {
  readonly onnxruntime: string;
  /** SPDX expression of this program and of what the image brings besides Debian and npm's packages. */
  readonly licences: string;
  /** Null for the image that needs no GPU. */
  readonly cuda: GpuRequirements | null;
}

export function readVersions(): VersionsTable {
  return JSON.parse(readFileSync(join(packageRoot, "base-image", "versions.json"), "utf8")) as VersionsTable;
}

/** The base that a processor for this device stands on: `auto` needs no GPU, so it takes the small one. */
export function chooseVariant(device: Device, cuda: CudaMajor | null): BaseVariant {
  return device === "cuda" ? `cuda${cuda ?? readVersions().defaultCuda}` : "cpu";
}
