import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { eachCase, type WorkTools } from "../threads/each-case.js";
import { type ImageFacts, isRead, type LabelFacts } from "./examine-case.js";
import type { ImageReaderName } from "./image-reader.js";
import type { DatasetCase } from "./list-cases.js";

export interface ReadFacts {
  readonly id: string;
  readonly images: readonly ImageFacts[];
  readonly label: LabelFacts | null;
}

/**
 * Reads every case of a data set, and measures its intensities.
 *
 * @throws DATASET_INVALID if a file cannot be read
 */
export const answeredFacts = (
  {
    name,
    cases,
    reader,
  }: { readonly name: string; readonly cases: readonly DatasetCase[]; readonly reader: ImageReaderName },
  tools: WorkTools,
): Promise<readonly ReadFacts[]> =>
  eachCase(
    cases,
    { label: `${name}: reading`, tools, isReading: true },
    async ({ id, images, label }, pool) => {
      const facts = await pool.run("examineCase", { reader, images, label, measuresIntensities: true });
      for (const file of [...facts.images, facts.label])
        if (file !== null && !isRead(file)) throw nnunetError("DATASET_INVALID", file.text);
      return { id, images: facts.images as readonly ImageFacts[], label: facts.label as LabelFacts | null };
    },
  );
