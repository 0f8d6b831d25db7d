import { rmSync } from "node:fs";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import type { OciImage } from "../../../src/oci/oci-types.js";
import { writeDockerArchive } from "../../../src/oci/write-image.js";
import { unpackTar } from "../archive/tar-folder.js";

/** Unpacks an exported archive, which is an OCI layout at the same time: `oci:<folder>`. */
export async function writeOciLayout(image: OciImage, folder: string): Promise<void> {
  const path = `${folder}.layout.tar`;
  await writeDockerArchive({ image, path, progress: silentProgress });
  await unpackTar(path, folder);
  rmSync(path);
}
