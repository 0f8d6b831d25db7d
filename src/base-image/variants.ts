import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { GpuRequirements } from "../../processor/contract/gpu-requirements.js";
import type { Device } from "../../processor/contract/run-settings.js";
import { packageRoot } from "../ground/files/package-root.js";

export const baseVariants = ["cpu", "cuda12", "cuda13"] as const;

/** A folder of `base-image/`. */
export type BaseVariant = (typeof baseVariants)[number];

/** Parts of the CPU's base image that a build may leave out. Each is a layer of its own. */
export const baseParts = ["openvino"] as const;

export type BasePart = (typeof baseParts)[number];

/** A base image: a variant without some of its parts. */
export interface BaseChoice {
  readonly variant: BaseVariant;
  /** Sorted. Variants for GPUs have no parts. */
  readonly leftOut: readonly BasePart[];
}

export const cudaMajors = ["12", "13"] as const;

/** Major version of CUDA. */
export type CudaMajor = (typeof cudaMajors)[number];

/**
 * The contents of `base-image/versions.json`, the only table of the contents and requirements of each base
 * image.
 */
export interface VersionsTable {
  readonly defaultCuda: CudaMajor;
  readonly variants: Readonly<Record<BaseVariant, VariantVersions>>;
}

export interface VariantVersions {
  readonly onnxruntime: string;
  /** SPDX expression of this program and of the contents that are not packages of Debian or npm. */
  readonly licences: string;
  /** Licences that a part adds to them; absent for a variant without parts. */
  readonly parts?: Readonly<Record<BasePart, { readonly licences: readonly string[] }>>;
  /** Null for the image that needs no GPU. */
  readonly cuda: GpuRequirements | null;
}

export function readVersions(): VersionsTable {
  return JSON.parse(readFileSync(join(packageRoot, "base-image", "versions.json"), "utf8")) as VersionsTable;
}

/**
 * Returns the variant of the base image for a device. `auto` does not require a GPU, so it gets the small
 * variant.
 */
export function chooseVariant(device: Device, cuda: CudaMajor | null): BaseVariant {
  return device === "cuda" ? `cuda${cuda ?? readVersions().defaultCuda}` : "cpu";
}

/** Returns the SPDX expression of a base image's contents that are not packages of Debian or npm. */
export function licencesOf({ variant, leftOut }: BaseChoice): string {
  const { licences, parts } = readVersions().variants[variant];
  const added = Object.entries(parts ?? {}).flatMap(([part, of]) =>
    leftOut.some((left) => left === part) ? [] : of.licences,
  );
  return [licences, ...added].join(" AND ");
}
