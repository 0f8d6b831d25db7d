import { pathToFileURL } from "node:url";
import { counted } from "../../contract/counted.js";
import { sharedError } from "../../contract/shared-errors.js";
import { voxelCount } from "../../imaging/volume/axes.js";
import type { HeaderFieldsSource, Image, ImageSource, NiftiSource } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { runtimeError } from "../errors.js";

/** The facts about the current case that every hook receives. */
export interface HookContext {
  readonly caseName: string;
  /** The segmentation that will be written. */
  readonly outputFile: string;
}

export interface PreProcessContext extends HookContext {
  readonly inputFile: string;
  /** The position of the file among the case's channels. */
  readonly channel: number;
}

/** A module for `--process-img-file`. Each export is optional. */
export interface ProcessImageModule {
  /** Replaces an input image before nnU-Net's own preprocessing. */
  readonly preProcessImage?: (image: Image, context: PreProcessContext) => Image | Promise<Image>;
  /** Replaces the segmentation before it is written. */
  readonly postProcessImage?: (
    result: { readonly labelMap: LabelMap; readonly image: Image["source"] },
    context: HookContext,
  ) => LabelMap | undefined | Promise<LabelMap | undefined>;
  /** Returns whether a case needs no work. It is called only if existing results are kept. */
  readonly isResultForImagePresent?: (context: HookContext) => boolean | Promise<boolean>;
}

/** The same hooks, but every exception becomes a HOOK_FAILED error that names the case. */
export interface Hooks {
  preProcessImage(image: Image, context: PreProcessContext): Promise<Image>;
  postProcessImage(labelMap: LabelMap, image: Image["source"], context: HookContext): Promise<LabelMap>;
  isResultForImagePresent(context: HookContext): Promise<boolean | null>;
}

export const noHooks: Hooks = {
  preProcessImage: async (image) => image,
  postProcessImage: async (labelMap) => labelMap,
  isResultForImagePresent: async () => null,
};

const names = ["preProcessImage", "postProcessImage", "isResultForImagePresent"] as const;

/**
 * Loads a module with hooks.
 *
 * @throws HOOK_INVALID if the module does not load or exports none of the hooks
 */
export async function loadHooks(file: string): Promise<Hooks> {
  const loaded = (await import(pathToFileURL(file).href).catch((cause: Error) => {
    throw sharedError("HOOK_INVALID", `${file} does not load: ${cause.message}`, { cause });
  })) as Readonly<Record<string, unknown>>;
  const present = names.filter((name) => loaded[name] !== undefined);
  if (present.length === 0) throw sharedError("HOOK_INVALID", `${file} exports none of ${names.join(", ")}`);
  const wrong = present.find((name) => typeof loaded[name] !== "function");
  if (wrong !== undefined) throw sharedError("HOOK_INVALID", `${file}: ${wrong} is not a function`);
  return guarded(loaded as ProcessImageModule);
}

function guarded(module: ProcessImageModule): Hooks {
  return {
    async preProcessImage(image, context) {
      if (module.preProcessImage === undefined) return image;
      const replaced = await attempt("preProcessImage", context, () =>
        module.preProcessImage!(image, context),
      );
      const fault = faultOfImage(replaced);
      if (fault === null) return { ...replaced, source: completed(replaced.source) };
      throw runtimeError("HOOK_FAILED", `${context.caseName}: preProcessImage returned ${fault}`);
    },
    async postProcessImage(labelMap, image, context) {
      if (module.postProcessImage === undefined) return labelMap;
      const replaced = await attempt("postProcessImage", context, () =>
        module.postProcessImage!({ labelMap, image }, context),
      );
      const final = replaced ?? labelMap;
      const fault = faultOfLabelMap(final);
      if (fault === null) return final;
      throw runtimeError("HOOK_FAILED", `${context.caseName}: postProcessImage returned ${fault}`);
    },
    async isResultForImagePresent(context) {
      if (module.isResultForImagePresent === undefined) return null;
      return attempt("isResultForImagePresent", context, () => module.isResultForImagePresent!(context));
    },
  };
}

/**
 * Returns what is wrong with a hook's image; null if it is correct. A hook may be JavaScript that no compiler has
 * checked.
 */
function faultOfImage(image: Partial<Image> | undefined): string | null {
  if (!ArrayBuffer.isView(image?.voxels) || image.geometry === undefined || image.source === undefined)
    return "something that is not an image";
  const expected = (image.components ?? 1) * voxelCount(image.geometry.sizeZyx);
  return image.voxels.length === expected
    ? null
    : `${counted(image.voxels.length, "value")} for ${image.geometry.sizeZyx.join(" × ")} voxels`;
}

/** Adds what a hook left out of an image that it made itself. */
function completed(source: ImageSource): ImageSource {
  const { nifti = null, fields = {} } = source as Partial<NiftiSource & HeaderFieldsSource>;
  if (source.format === "nifti") return { ...source, nifti };
  return source.format === "metaimage" || source.format === "nrrd" ? { ...source, fields } : source;
}

function faultOfLabelMap({ voxels, geometry }: Partial<LabelMap>): string | null {
  if (!(voxels instanceof Uint8Array || voxels instanceof Uint16Array) || geometry === undefined)
    return "something that is not a label map of uint8 or uint16";
  return voxels.length === voxelCount(geometry.sizeZyx)
    ? null
    : `${counted(voxels.length, "label")} for ${geometry.sizeZyx.join(" × ")} voxels`;
}

async function attempt<T>(name: string, { caseName }: HookContext, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const where =
      error.stack
        ?.split("\n")
        .find((line) => line.trimStart().startsWith("at "))
        ?.trim() ?? "";
    throw runtimeError(
      "HOOK_FAILED",
      `${caseName}: ${name} threw ${error.name}: ${error.message} ${where}`.trimEnd(),
      {
        cause,
      },
    );
  }
}
