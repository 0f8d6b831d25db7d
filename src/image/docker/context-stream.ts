import { parse, relative } from "node:path";
import { type Pack, pack } from "tar-fs";
import { type LayerEntry, layerFileTime } from "../image-plan.js";

/** A file that is read from disk while the engine takes it. */
interface StreamedFile {
  readonly path: string;
  readonly mode: number;
  readonly file: string;
}

const fixed = { mtime: layerFileTime, uid: 0, gid: 0 } as const;

/**
 * The entries as one tar, read from where they lie while the engine takes them. Owner and times are fixed, so
 * that the engine's cache sees a change only where there is one.
 */
export function contextStream(entries: readonly LayerEntry[]): Pack {
  return pack(".", {
    entries: [],
    finalize: false,
    finish: (tar) => {
      for (const entry of entries) addRendered(tar, entry);
      packFiles(tar, byRoot(entries.flatMap(streamedFile)));
    },
  });
}

function addRendered(tar: Pack, entry: LayerEntry): void {
  const { path: name, mode } = entry;
  if (entry.kind === "directory") tar.entry({ name, mode, ...fixed, type: "directory" });
  else if ("text" in entry.source) tar.entry({ name, mode, ...fixed }, entry.source.text);
}

const streamedFile = (entry: LayerEntry): StreamedFile[] =>
  entry.kind === "file" && "file" in entry.source
    ? [{ path: entry.path, mode: entry.mode, file: entry.source.file }]
    : [];

/** tar-fs reads below one folder; on Windows files can lie on several drives. */
function byRoot(files: readonly StreamedFile[]): readonly (readonly [string, readonly StreamedFile[]])[] {
  const roots = new Map<string, StreamedFile[]>();
  for (const file of files) {
    const { root } = parse(file.file);
    roots.set(root, [...(roots.get(root) ?? []), file]);
  }
  return [...roots];
}

function packFiles(tar: Pack, groups: ReturnType<typeof byRoot>): void {
  const [group, ...rest] = groups;
  if (group === undefined) {
    tar.finalize();
    return;
  }
  const [root, files] = group;
  const inOrder = files.values();
  pack(root, {
    pack: tar,
    entries: files.map(({ file }) => relative(root, file)),
    dereference: true,
    finalize: false,
    map: (header) => {
      const { path, mode } = inOrder.next().value!;
      return { ...header, ...fixed, name: path, mode };
    },
    finish: () => packFiles(tar, rest),
  });
}
