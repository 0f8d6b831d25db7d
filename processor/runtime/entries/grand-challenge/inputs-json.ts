import { join } from "node:path";
import { anything, type Checked, listOf, orAbsent, orNull, record } from "../../../contract/json-check.js";
import { longestPath } from "../../../contract/longest-path.js";
import { parseChecked } from "../../../contract/parse-checked.js";
import { readTextFile, unreadable } from "../../../files/read-text-file.js";
import { runtimeError } from "../../errors.js";

/** One value of a job's inputs. */
export interface SocketValue {
  readonly slug: string;
  /** The path of the folder or file below the input folder; null if the platform does not give it. */
  readonly relativePath: string | null;
  readonly isImage: boolean;
}

const socket = record({
  slug: orAbsent(anything),
  relative_path: orAbsent(anything),
  /** Before the `is_…_kind` fields. */
  super_kind: orAbsent(anything),
  is_image_kind: orAbsent(anything),
  is_dicom_image_kind: orAbsent(anything),
});

/** The platform called the socket `interface` until 2025, and calls it `socket` since then. */
const item = record({
  socket: orAbsent(orNull(socket)),
  interface: orAbsent(orNull(socket)),
  /** Present for images. */
  image: orAbsent(anything),
});

/**
 * The longest file that is parsed, which is enough for thousands of values. A longer file would delay health checks.
 */
const maxBytes = 1 << 20;

/**
 * Reads the list of a job's socket values, in either spelling; returns null if the platform did not write it.
 *
 * @throws INPUTS_JSON_INVALID
 */
export async function readInputsJson(inputDir: string): Promise<readonly SocketValue[] | null> {
  const path = join(inputDir, "inputs.json");
  const text = await readTextFile(path, maxBytes).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw runtimeError("INPUTS_JSON_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  });
  if (text === null) return null;
  const items = parseChecked(text, listOf(item), (reason, cause) =>
    runtimeError("INPUTS_JSON_INVALID", `${path} ${reason}`, { cause }),
  );
  return items.map((value, i) => socketValue(value, `${path}: item ${i}`));
}

function socketValue(value: Checked<typeof item>, place: string): SocketValue {
  const socket = value.socket ?? value.interface;
  if (typeof socket?.slug !== "string" || !/^[\w-]+$/.test(socket.slug))
    throw runtimeError("INPUTS_JSON_INVALID", `${place} has neither socket.slug nor interface.slug`);
  const relativePath = typeof socket.relative_path === "string" ? socket.relative_path : null;
  if (relativePath !== null && relativePath.length > longestPath)
    throw runtimeError(
      "INPUTS_JSON_INVALID",
      `${place} has a relative_path of ${relativePath.length} characters; a path has up to ${longestPath}`,
    );
  const isImage =
    socket.is_image_kind === true ||
    socket.is_dicom_image_kind === true ||
    (typeof socket.super_kind === "string" && socket.super_kind.toLowerCase() === "image") ||
    (socket.is_image_kind === undefined && typeof value.image === "object" && value.image !== null);
  return { slug: socket.slug, relativePath, isImage };
}
