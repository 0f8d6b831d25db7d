import { copyFile, link, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { makeFolder } from "../../processor/files/make-folder.js";
import { type ImagePlan, type LayerEntry, layerFile } from "../image/image-plan.js";
import { renderDockerTexts } from "./dockerfile.js";

/**
 * Returns the entries of a plan's build context: `Dockerfile`, `.dockerignore` and one folder for each layer.
 * Nothing is copied; every entry refers to its bytes.
 */
export function contextEntries(plan: ImagePlan): readonly LayerEntry[] {
  const { dockerfile, dockerignore } = renderDockerTexts(plan);
  const layers = plan.layers.flatMap(({ name, entries }) => [
    { kind: "directory" as const, path: name, mode: 0o755 },
    ...entries.map((entry) => ({ ...entry, path: `${name}/${entry.path}` })),
  ]);
  return [
    layerFile("Dockerfile", { text: dockerfile }),
    layerFile(".dockerignore", { text: dockerignore }),
    ...(plan.base.kind === "image"
      ? []
      : [layerFile(basename(plan.base.archive), { file: plan.base.archive })]),
    ...withParents(layers),
  ];
}

/**
 * Writes the context to a folder for `docker build`. Files on the same disk are hard-linked, so that weights
 * are not stored twice.
 *
 * @param place returns the path for a name at the top of the context
 */
export async function writeBuildContext(plan: ImagePlan, place: (name: string) => string): Promise<void> {
  for (const entry of contextEntries(plan)) {
    const [top = "", ...below] = entry.path.split("/");
    const path = join(place(top), ...below);
    if (entry.kind === "directory") await makeFolder(path, entry.mode);
    else if ("text" in entry.source) await writeFile(path, entry.source.text, { mode: entry.mode });
    else await linkOrCopy(entry.source.file, path);
  }
}

/** Adds the parent folders of the entries, each before its contents. */
function withParents(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const known = new Set(entries.filter(({ kind }) => kind === "directory").map(({ path }) => path));
  return entries.flatMap((entry) => {
    const missing = parents(entry.path).filter((path) => !known.has(path));
    for (const path of missing) known.add(path);
    return [...missing.map((path) => ({ kind: "directory" as const, path, mode: 0o755 })), entry];
  });
}

/** Returns the parent folders of a path: for `a/b/c`, `a` and `a/b`. */
const parents = (path: string): string[] =>
  path
    .split("/")
    .slice(0, -1)
    .map((_, i, names) => names.slice(0, i + 1).join("/"));

async function linkOrCopy(from: string, to: string): Promise<void> {
  await makeFolder(dirname(to));
  // Copies if the file is on another disk, or the file system does not support hard links.
  await link(from, to).catch(() => copyFile(from, to));
}
