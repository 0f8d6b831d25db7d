import type { StoredFile } from "./content-store.js";
import { modelInfo, type PretrainedModel } from "./model-registry.js";
import type { ModelSource } from "./model-source.js";
import { fetchArchive, openModelSource, type SourceContext } from "./open-model-source.js";
import { UnionSource } from "./union-source.js";
import { unpackSource } from "./unpack-source.js";

export interface DownloadedModel {
  readonly model: PretrainedModel;
  /** In the cache, in the registry's order. */
  readonly archives: readonly (StoredFile & { readonly address: string })[];
  /** Files written below the output folder; empty when none was asked for. */
  readonly unpackedFiles: readonly string[];
}

/**
 * Brings a pretrained model's archives into the cache and, when asked for, unpacks them below `outputDir`, a
 * results tree as nnU-Net's own download makes it.
 *
 * @param name as `modelInfo` takes it
 */
export async function downloadModel(
  name: string,
  context: SourceContext,
  { outputDir = null }: { readonly outputDir?: string | null } = {},
): Promise<DownloadedModel> {
  const model = modelInfo(name);
  const archives = await allFinished(
    model.archives.map(async (address) => ({ address, ...(await fetchArchive(address, context)) })),
  );
  if (outputDir === null) return { model, archives, unpackedFiles: [] };
  const source = await openPretrained(name, context);
  try {
    const unpackedFiles = await unpackSource(source, outputDir, { progress: context.http.progress });
    return { model, archives, unpackedFiles };
  } finally {
    await source.close();
  }
}

/** A pretrained model as one source, whatever number of archives it is published in. */
export async function openPretrained(name: string, context: SourceContext): Promise<ModelSource> {
  const model = modelInfo(name);
  const parts = await allFinished(model.archives.map((address) => openModelSource(address, context)));
  return parts.length === 1 ? parts[0]! : UnionSource.of(model.name, parts);
}

/** Like Promise.all, but does not leave the others running when one fails: what they bring stays in the cache. */
async function allFinished<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
