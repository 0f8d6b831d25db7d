import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ImagePlan } from "../../../src/image/image-plan.js";
import { assembleImage } from "../../../src/oci/assemble-image.js";
import { BlobCache } from "../../../src/oci/blob-cache.js";
import type { OciImage } from "../../../src/oci/oci-types.js";
import { openBase } from "../../../src/oci/open-base.js";
import { packFolder } from "../archive/tar-folder.js";
import { neverStopped } from "../never-stopped.js";

export const epoch = new Date("2024-01-02T03:04:05Z");

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "oci-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns the tar of a root file system with one static program, `/bin/ldconfig`. */
export async function smallRootFileSystem(folder: string): Promise<string> {
  const root = join(folder, "root");
  mkdirSync(join(root, "bin"), { recursive: true });
  await copyFile("/sbin/ldconfig", join(root, "bin", "ldconfig"));
  const archive = join(folder, "root.tar");
  await packFolder(root, archive);
  return archive;
}

export async function assemble(plan: ImagePlan, cacheFolder: string): Promise<OciImage> {
  const cache = await BlobCache.open(cacheFolder);
  const base = await openBase(plan.base, {
    cache,
    pull: (imageName) => Promise.reject(new Error(`no registry for ${imageName}`)),
    signal: neverStopped(),
  });
  return await assembleImage({ plan, base, cache, time: epoch, signal: neverStopped() });
}
