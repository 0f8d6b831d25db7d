import { join } from "node:path";
import type { ImageSettings } from "../../../contract/run-settings.js";
import { sharedError } from "../../../contract/shared-errors.js";
import { listFolder } from "../../cases/list-folder.js";
import { runtimeError } from "../../errors.js";

/**
 * Returns the settings of a run at AMOS22: every `*.nii.gz` of the input folder, whatever its name, becomes a
 * segmentation of that name in the output folder. The rules name two places for these folders, below the working
 * directory and at the root. The place with images is used.
 *
 * @throws INPUT_NOT_FOUND, INPUT_AMBIGUOUS if both have images
 */
export async function amosSettings(settings: ImageSettings, workingDir: string): Promise<ImageSettings> {
  const places = [
    { inputDir: join(workingDir, "input"), outputDir: join(workingDir, "output") },
    { inputDir: settings.inputDir, outputDir: settings.outputDir },
  ];
  const used = [];
  for (const place of places) if (await holdsImages(place.inputDir)) used.push(place);
  const folders = places.map(({ inputDir }) => inputDir).join(" and ");
  if (used.length === 0) throw sharedError("INPUT_NOT_FOUND", `there is no .nii.gz file in ${folders}`);
  if (used.length > 1)
    throw runtimeError("INPUT_AMBIGUOUS", `${folders} both hold images; mount one of them only`);
  return {
    ...settings,
    ...used[0]!,
    overlayDestination: ".",
    allowedExtensions: ["nii.gz"],
    outputExtension: "nii.gz",
  };
}

async function holdsImages(folder: string): Promise<boolean> {
  // Only one of the two folders has to exist.
  const { imageNames } = await listFolder(folder).catch(() => ({ imageNames: [] }));
  return imageNames.some((name) => name.toLowerCase().endsWith(".nii.gz"));
}
