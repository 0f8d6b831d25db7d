import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { extract, pack } from "tar-fs";

/** Writes a tar of a folder as `tar -C folder -cf archive .` does, but sets times and owners to zero. */
export async function packFolder(folder: string, archive: string): Promise<void> {
  const contents = pack(folder, {
    map: (header) => ({
      ...header,
      ...{ name: header.name === "." ? "./" : `./${header.name}`, mtime: new Date(0), uid: 0, gid: 0 },
    }),
  });
  await pipeline(contents, createWriteStream(archive));
}

/** Writes a tar of these files of a folder, in this order. */
export async function packFiles(folder: string, archive: string, files: readonly string[]): Promise<void> {
  await pipeline(pack(folder, { entries: [...files] }), createWriteStream(archive));
}

/** Unpacks a tar into a folder, and makes the folder if it is missing. */
export async function unpackTar(archive: string, folder: string): Promise<void> {
  await pipeline(createReadStream(archive), extract(folder));
}
