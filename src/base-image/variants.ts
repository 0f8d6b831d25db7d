import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gpuRequirements } from "../../processor/contract/gpu-requirements.js";
import {
  type Checked,
  listOf,
  oneOf,
  orAbsent,
  orNull,
  record,
  text,
} from "../../processor/contract/json-check.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
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

const variantVersions = record({
  onnxruntime: text,
  /** SPDX expression of this program and of the contents that are not packages of Debian or npm. */
  licences: text,
  /** Licences that a part adds to them; absent for a variant without parts. */
  parts: orAbsent(record({ openvino: record({ licences: listOf(text) }) })),
  /** Null for the image that needs no GPU. */
  cuda: orNull(gpuRequirements),
});

/**
 * The contents of `base-image/versions.json`, the only table of the contents and requirements of each base
 * image.
 */
const versionsTable = record({
  defaultCuda: oneOf(cudaMajors),
  variants: record({ cpu: variantVersions, cuda12: variantVersions, cuda13: variantVersions }),
});

export function readVersions(): Checked<typeof versionsTable> {
  const file = join(packageRoot, "base-image", "versions.json");
  return parseChecked(readFileSync(file, "utf8"), versionsTable, (reason) => new Error(`${file} ${reason}`));
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
