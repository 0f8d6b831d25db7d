import { join } from "node:path";
import { exists } from "../../../../processor/files/exists.js";

/** The cases that a training of v1 reads. */
export interface CasesOfV1 {
  readonly folder: string;
  readonly caseIds: readonly string[];
}

/** Returns whether an earlier training has unpacked all cases, so that another one only reads them. */
export async function isUnpacked({ folder, caseIds }: CasesOfV1): Promise<boolean> {
  for (const id of caseIds) if (!(await exists(join(folder, `${id}.npy`)))) return false;
  return true;
}
