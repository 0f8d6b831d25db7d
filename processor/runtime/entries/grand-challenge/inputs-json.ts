import { join } from "node:path";
import { longestPath } from "../../../contract/longest-path.js";
import { readTextFile, unreadable } from "../../../files/read-text-file.js";
import { runtimeError } from "../../errors.js";

/** One value of a job's inputs. */
export interface SocketValue {
  readonly slug: string;
  /** The path of the folder or file below the input folder; null if the platform does not give it. */
  readonly relativePath: string | null;
  readonly isImage: boolean;
}

/**
 * A socket as the platform describes it. The platform called it `interface` until 2025, and calls it `socket` since
 * then.
 */
interface SocketJson {
  readonly slug?: unknown;
  readonly relative_path?: unknown;
  /** Before the `is_…_kind` fields. */
  readonly super_kind?: unknown;
  readonly is_image_kind?: unknown;
  readonly is_dicom_image_kind?: unknown;
}

interface ItemJson {
  readonly socket?: SocketJson | null;
  readonly interface?: SocketJson | null;
  /** Present for images. */
  readonly image?: unknown;
}

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
  const items = parse(path, text);
  if (!Array.isArray(items)) throw runtimeError("INPUTS_JSON_INVALID", `${path} is not a list`);
  return items.map((item: unknown, i) => socketValue(item as ItemJson | null, `${path}: item ${i}`));
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw runtimeError("INPUTS_JSON_INVALID", `${path}: ${(cause as Error).message}`, { cause });
  }
}

function socketValue(item: ItemJson | null, place: string): SocketValue {
  const socket = item?.socket ?? item?.interface;
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
    (socket.is_image_kind === undefined && typeof item?.image === "object" && item.image !== null);
  return { slug: socket.slug, relativePath, isImage };
}
