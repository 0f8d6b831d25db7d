import { createRequire } from "node:module";
import { nativeCallPackage } from "../contract/openvino-libraries.js";
import { loadUndisturbed } from "./end-threads.js";

/** The package that calls functions of C. */
export type NativeCalls = typeof import("koffi");

/** A pointer to an object of a C library. */
export type Pointer = bigint;

/**
 * Loads the package that calls functions of C. It is not imported, because a base image of a user's own may lack it.
 *
 * @param stack `large` for a process of OpenVINO, which compiles networks recursively; pass it before any library is loaded. The
 *   package takes this memory in each thread, and ends the program if there is none
 * @throws the error of Node if the package is missing, or has no binary for this system
 */
export function loadNativeCalls(stack: "usual" | "large" = "usual"): NativeCalls {
  const calls = loadUndisturbed(() => createRequire(import.meta.url)(nativeCallPackage) as NativeCalls);
  if (stack === "large") calls.config({ sync_stack_size: largeStackBytes });
  return calls;
}

/** The most that the package allows; the default is 2 MiB. */
const largeStackBytes = 16 * 2 ** 20;
