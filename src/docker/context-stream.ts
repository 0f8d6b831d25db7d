import { basename, dirname } from "node:path";
import { type Pack, pack } from "tar-fs";
import { type LayerDirectory, type LayerEntry, type LayerFile, layerFileTime } from "../image/image-plan.js";

/** A file that is read from disk while it is sent to the engine. */
interface StreamedFile {
  readonly path: string;
  readonly mode: number;
  readonly file: string;
}

type RenderedEntry = LayerDirectory | (LayerFile & { readonly source: { readonly text: string } });

/** The header fields of every entry. */
interface FixedHeader {
  readonly mtime: Date;
  readonly uid: 0;
  readonly gid: 0;
}

/**
 * Packs the entries into one tar and reads their files while the engine receives it. Owner and times are
 * fixed, so that the engine's cache sees only real changes.
 */
export function contextStream(entries: readonly LayerEntry[], mtime = layerFileTime): Pack {
  const fixed: FixedHeader = { mtime, uid: 0, gid: 0 };
  return pack(".", {
    entries: [],
    finalize: false,
    finish: (tar) => {
      const context = { tar, fixed };
      addRendered(context, entries.filter(isRendered), () => addFolders(context, byFolder(entries)));
    },
  });
}

const isRendered = (entry: LayerEntry): entry is RenderedEntry =>
  entry.kind === "directory" || "text" in entry.source;

interface Context {
  readonly tar: Pack;
  readonly fixed: FixedHeader;
}

/** Adds the entries in sequence, because a tar is sequential. */
function addRendered(context: Context, [entry, ...rest]: readonly RenderedEntry[], done: () => void): void {
  const { tar, fixed } = context;
  if (entry === undefined) {
    done();
    return;
  }
  const { path: name, mode } = entry;
  const next = (error?: Error | null) => {
    if (error) tar.destroy(error);
    else addRendered(context, rest, done);
  };
  const written =
    entry.kind === "directory"
      ? tar.entry({ name, mode, ...fixed, type: "directory" }, next)
      : tar.entry({ name, mode, ...fixed }, entry.source.text, next);
  written.once("error", (error) => tar.destroy(error));
}

/** Groups the files by folder, because tar-fs reads from one folder. */
function byFolder(entries: readonly LayerEntry[]): readonly (readonly [string, readonly StreamedFile[]])[] {
  const folders = new Map<string, StreamedFile[]>();
  for (const entry of entries) {
    if (entry.kind === "directory" || "text" in entry.source) continue;
    const { file } = entry.source;
    const folder = dirname(file);
    folders.set(folder, [...(folders.get(folder) ?? []), { path: entry.path, mode: entry.mode, file }]);
  }
  return [...folders];
}

function addFolders(context: Context, [first, ...rest]: ReturnType<typeof byFolder>): void {
  const { tar, fixed } = context;
  if (first === undefined) {
    tar.finalize();
    return;
  }
  const [folder, files] = first;
  const inOrder = files.values();
  pack(folder, {
    pack: tar,
    entries: files.map(({ file }) => basename(file)),
    dereference: true,
    finalize: false,
    map: (header) => {
      const { path, mode } = inOrder.next().value!;
      return { ...header, ...fixed, name: path, mode };
    },
    finish: () => addFolders(context, rest),
  });
}
