export interface InputFile {
  /** The path below the folder that the user chose, or the file's name. */
  readonly path: string;
  readonly file: File;
}

/** Reads the files of a drop, and those of dropped folders at any depth, sorted by path. */
export async function droppedFiles(transfer: DataTransfer): Promise<readonly InputFile[]> {
  // The entries must be taken before the first wait, because the browser empties the list after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files: InputFile[] = [];
  for (const entry of entries) if (entry !== null) await addEntry(entry, files);
  return sorted(files);
}

/** Reads the files of a file input. */
export const chosenFiles = (list: FileList): readonly InputFile[] =>
  sorted([...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })));

async function addEntry(entry: FileSystemEntry, to: InputFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await fileOf(entry as FileSystemFileEntry);
    to.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader returns at most 100 entries at once.
  for (let batch = await nextBatch(reader); batch.length > 0; batch = await nextBatch(reader)) {
    for (const child of batch) await addEntry(child, to);
  }
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

const nextBatch = (reader: FileSystemDirectoryReader): Promise<readonly FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject));

/** Sorts by path and leaves out files that file managers hide. */
const sorted = (files: readonly InputFile[]): readonly InputFile[] =>
  files
    .filter(({ path }) => !/(?:^|\/)(?:\.[^/]*|__MACOSX\/.*|Thumbs\.db|desktop\.ini)$/i.test(path))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
