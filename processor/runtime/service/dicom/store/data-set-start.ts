import { openRegularFile } from "../../../../files/read-text-file.js";
import { dicomError } from "../../../../imaging/dicom/errors.js";
import { recogniseFile } from "../../../../imaging/dicom/recognise-file.js";

const headBytes = 1 << 16;

/** Returns where the data set of a file begins, after the preamble and the file meta information. */
export async function dataSetStart(path: string): Promise<number> {
  const file = await openRegularFile(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    const start = recogniseFile(buffer.subarray(0, bytesRead), size);
    if (start === null) throw dicomError("DICOM_BROKEN_FILE", "the file is not DICOM any more");
    return start.dataSetAt;
  } finally {
    await file.close();
  }
}
