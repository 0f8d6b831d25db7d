import { createRequire } from "node:module";
import { nativeCallPackage } from "../contract/openvino-libraries.js";

/** The package that calls functions of C. */
export type NativeCalls = typeof import("koffi");

/** A pointer to an object of a C library. */
export type Pointer = bigint;

/**
 * Loads the package that calls functions of C. It is not imported, because a base image of a user's own may lack it.
 *
 * @throws the error of Node if the package is missing, or has no binary for this system
 */
export function loadNativeCalls(): NativeCalls {
  const calls = createRequire(import.meta.url)(nativeCallPackage) as NativeCalls;
  // OpenVINO compiles networks recursively; the package's own stack holds 2 MiB.
  if (calls.config().sync_stack_size !== stackBytes) calls.config({ sync_stack_size: stackBytes });
  return calls;
}

const stackBytes = 16 * 2 ** 20;
