import type { TrainedModel } from "../../../src/checkpoint/network/trained-model.js";
import { findModel } from "../../../src/models/find-model.js";
import { anyModel, type ModelQuery } from "../../../src/models/model-query.js";

/** Finds the model in a folder of the test. */
export const modelIn = (modelDir: string, query: Partial<ModelQuery> = {}): Promise<TrainedModel> =>
  findModel({ modelDir, tree: null }, { ...anyModel, ...query });
