import {
  type Checked,
  count,
  listOf,
  oneOf,
  orAbsent,
  orNull,
  record,
  recordOf,
  sha256Hex,
  text,
} from "../../processor/contract/json-check.js";
import { baseVariants } from "./variants.js";

const debian = {
  /** Debian's own slim image. */
  image: text,
  /** The suite whose packages are used if that image is not available. */
  suite: text,
  packages: listOf(text),
  /** dpkg's path-exclude and path-include. */
  pathRules: listOf(text),
};

const debianRecipe = record(debian);

export type DebianRecipe = Checked<typeof debianRecipe>;

/** Files or folders of each npm package, and their destinations in the image. */
const packages = recordOf(recordOf(text));

const wheelPin = record({
  name: text,
  version: text,
  /** Absent for linux/amd64. */
  platform: orAbsent(oneOf(["linux/amd64", "linux/arm64"])),
  /** Name of the file in the index. */
  file: text,
  sha256: sha256Hex,
  bytes: count,
  /** SPDX expression. */
  licence: text,
  /** Wheels with the same value share a layer. */
  layer: text,
  /** Paths in the wheel, and their destinations in the image. */
  files: recordOf(text),
  /** The libraries with code for many GPUs that may be cut to some; absent in a wheel of NVIDIA's, which stays as it is. */
  cuttable: orAbsent(listOf(text)),
  /** The libraries that those load without calling them. They are left out with the code that is cut, and so is their wheel. */
  uncalled: orAbsent(listOf(text)),
});

/** A Python wheel, from which some files are copied into the image. Python itself is not. */
export type WheelPin = Checked<typeof wheelPin>;

const bundledLibrary = record({
  name: text,
  /** Null if the wheel does not state it. */
  version: orNull(text),
  /** SPDX expression. */
  licence: text,
});

const recipePart = record({
  /** One for each platform. */
  wheels: listOf(wheelPin),
  /** Libraries of other projects inside the wheels, for the bill of materials. */
  bundled: listOf(bundledLibrary),
});

/** A part that a build may leave out. */
export type RecipePart = Checked<typeof recipePart>;

/** The contents of `recipe.json`. A recipe that extends another adds to it. */
export const recipeJson = record({
  extends: orAbsent(oneOf(baseVariants)),
  platform: orAbsent(oneOf(["linux/amd64"])),
  debian: orAbsent(
    record({
      image: orAbsent(debian.image),
      suite: orAbsent(debian.suite),
      packages: orAbsent(debian.packages),
      pathRules: orAbsent(debian.pathRules),
    }),
  ),
  packages: orAbsent(packages),
  wheels: orAbsent(listOf(wheelPin)),
  parts: orAbsent(record({ openvino: recipePart })),
});

export type RecipeJson = Checked<typeof recipeJson>;

/** The part of a `package.json` that pins packages. */
export const packageJson = record({ dependencies: recordOf(text) });
