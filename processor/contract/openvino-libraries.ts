import { isAbsolute, join } from "node:path";
import { places } from "./places.js";

/** The version of the wheel `openvino` whose libraries are used, and the number in their file names. */
export const openvinoVersion = "2026.4.1";
const soVersion = "2641";

/** The architectures that have libraries, in Node's words. */
export const openvinoArchitectures = ["x64", "arm64"] as const;
export type OpenvinoArchitecture = (typeof openvinoArchitectures)[number];

/** The npm package that calls the libraries; it must be in the program's `node_modules`. */
export const nativeCallPackage = "koffi";

/** The library that the program opens; it finds the others next to itself. */
export const openvinoEntryLibrary = `libopenvino_c.so.${soVersion}`;

/** The folder in the wheel that holds the libraries. */
export const openvinoWheelFolder = "openvino/libs";

/** The folder in the wheel's `dist-info` that holds the licence texts. */
export const openvinoLicenceFolder = `openvino-${openvinoVersion}.dist-info/licenses`;

/**
 * Returns the files of the wheel that a CPU needs: the core, its C interface, the plug-in for CPUs, the reader of ONNX
 * files, and the threads. `libtbbbind` with `libhwloc` is for CPUs with cores of two kinds and for several sockets.
 */
export const openvinoLibraries = (architecture: OpenvinoArchitecture): readonly string[] => [
  openvinoEntryLibrary,
  `libopenvino.so.${soVersion}`,
  architecture === "x64" ? "libopenvino_intel_cpu_plugin.so" : "libopenvino_arm_cpu_plugin.so",
  `libopenvino_onnx_frontend.so.${soVersion}`,
  "libtbb.so.12",
  "libtbbmalloc.so.2",
  "libtbbbind_2_5.so.3",
  "libhwloc.so.15",
];

/** The environment variable that names a folder with the libraries, such as `openvino/libs` of an installed wheel. */
export const openvinoFolderVariable = "NNUNET_PROCESSOR_OPENVINO";

/** Returns the folder for installed libraries in a user's cache folder. */
export const openvinoCacheFolder = (cacheFolder: string, architecture: string = process.arch): string =>
  join(cacheFolder, "inference-engines", `openvino-${openvinoVersion}-linux-${architecture}`);

/**
 * Returns the folders in which the libraries are looked for, in this order: the one that the environment names (then it
 * is the only one), the image's, and the user's cache.
 *
 * @param cacheFolder null for a user without a home folder
 */
export function openvinoFolders(
  environment: Readonly<Record<string, string | undefined>>,
  cacheFolder: string | null,
): readonly string[] {
  const named = environment[openvinoFolderVariable];
  if (named !== undefined && isAbsolute(named)) return [named];
  return [places.image.openvino, ...(cacheFolder === null ? [] : [openvinoCacheFolder(cacheFolder)])];
}
