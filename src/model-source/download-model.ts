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
  /** Files written into the output folder; empty if no folder was requested. */
  readonly unpackedFiles: readonly string[];
}

/**
 * Downloads a pretrained model's archives into the cache. If `outputDir` is given, unpacks them there as a
 * results tree, as nnU-Net's own download does.
 *
 * @param name as in `modelInfo`
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

/** Opens a pretrained model as one source, regardless of the number of its archives. */
export async function openPretrained(name: string, context: SourceContext): Promise<ModelSource> {
  const model = modelInfo(name);
  const parts = await allFinished(model.archives.map((address) => openModelSource(address, context)));
  return parts.length === 1 ? parts[0]! : UnionSource.of(model.name, parts);
}

/** Waits for all promises even if one fails, unlike Promise.all, because their results stay in the cache. */
async function allFinished<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
