import { ProcessorError } from "../../processor/contract/errors.js";
import { type BuilderErrorCode, builderError } from "../ground/errors/builder-errors.js";

/**
 * Converts a failure of the engine to an error of the catalogue, with Docker's message.
 *
 * @param doing the failed operation, such as `building liver:1`
 * @param fallback the code if the words mention neither disk nor permission
 */
export function engineError(error: unknown, doing: string, fallback: BuilderErrorCode): ProcessorError {
  if (error instanceof ProcessorError) return error;
  const words = engineWords(error);
  const options = { cause: error };
  if (isFull(words))
    return builderError("ENGINE_DISK_FULL", `${doing}: Docker's disk is full: ${words}`, options);
  if (isForbidden(error))
    return builderError("ENGINE_FORBIDDEN", `${doing}: this user may not use Docker: ${words}`, options);
  return builderError(fallback, `${doing}: ${words}`, options);
}

/** Returns whether there is no engine that this user may use. */
export const isWithoutEngine = (error: unknown): error is ProcessorError =>
  error instanceof ProcessorError && (error.code === "ENGINE_MISSING" || error.code === "ENGINE_FORBIDDEN");

/** Returns whether the engine answered that the image does not exist. */
export const isNotFound = (error: unknown): boolean => statusCode(error) === 404;

/** Returns whether what is to be removed does not exist, or is being removed at this moment by somebody else. */
export const isGone = (error: unknown): boolean => isNotFound(error) || isVanishedImage(error);

/** Returns whether the engine answered that the image is in use. */
export const isInUse = (error: unknown): boolean => statusCode(error) === 409;

/** Returns whether an image or a layer that the engine found a moment ago is missing. */
export const isVanishedImage = (error: unknown): boolean =>
  /(unable to find image|no such image:|unknown parent image ID|unrecognized image ID) "?sha256:|layer does not exist/i.test(
    engineWords(error),
  );

/** Returns the engine's message without what the HTTP client adds. */
function engineWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = (error as { readonly json?: { readonly message?: unknown } }).json?.message;
  if (typeof said === "string") return said.trim();
  const words = error.message.replace(/^\(HTTP code \d+\) [^-]* - /, "").trim();
  return words || ("code" in error ? String(error.code) : error.name);
}

const isFull = (words: string): boolean => /no space left on device|disk quota exceeded|ENOSPC/i.test(words);

const isForbidden = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");

const statusCode = (error: unknown): unknown =>
  error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
