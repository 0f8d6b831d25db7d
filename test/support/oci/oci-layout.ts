import { rmSync } from "node:fs";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import type { OciImage } from "../../../src/oci/oci-types.js";
import { writeDockerArchive } from "../../../src/oci/write-image.js";
import { unpackTar } from "../archive/tar-folder.js";
import { neverStopped } from "../never-stopped.js";

/** Unpacks an exported archive, which is also an OCI layout, and returns `oci:<folder>`. */
export async function writeOciLayout(image: OciImage, folder: string): Promise<void> {
  const path = `${folder}.layout.tar`;
  await writeDockerArchive({ image, path, progress: silentProgress, signal: neverStopped() });
  await unpackTar(path, folder);
  rmSync(path);
}
