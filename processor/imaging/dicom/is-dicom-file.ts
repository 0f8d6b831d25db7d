import { basename, extname } from "node:path";
import { openRegularFile } from "../../files/read-text-file.js";
import { isDicomdirName } from "./list-files.js";
import { dicomEndings } from "./read-dicom-file.js";
import { recogniseFile } from "./recognise-file.js";

/** The preamble, the mark, and the first element. */
const beginningBytes = 256;

/** Returns whether a file is DICOM by its name or its first bytes; false for one that can't be read. */
export async function isDicomFile(path: string): Promise<boolean> {
  if (dicomEndings.includes(extname(path).toLowerCase()) || isDicomdirName(basename(path))) return true;
  const file = await openRegularFile(path).catch(() => null);
  if (file === null) return false;
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(beginningBytes), 0, beginningBytes, 0);
    return recogniseFile(buffer.subarray(0, bytesRead), size) !== null;
  } catch {
    // Either more of the header follows, or the header is damaged; the reader reports which.
    return true;
  } finally {
    await file.close();
  }
}
