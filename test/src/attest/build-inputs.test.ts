import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { ownInputs } from "../../../src/attest/build-inputs.js";
import { openSourceContext } from "../../../src/model-source/open-model-source.js";
import { findModel } from "../../../src/models/find-model.js";
import { localModelFolder } from "../../../src/models/model-folder.js";
import { anyModel } from "../../../src/models/model-query.js";
import { BlobCache } from "../../../src/oci/blob-cache.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { goldenPath } from "../../support/golden.js";
import { singleModel } from "../../support/model/single-model.js";
import { neverStopped } from "../../support/never-stopped.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

test("a checkpoint inside an archive is recorded with its own digest, not with the archive's", async () => {
  const scratch = scratchFolder();
  const modelDir = goldenPath("v2", "blobs_2d", "model");
  const names = ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth"];
  const prefix = "Dataset501_Blobs/nnUNetTrainer__nnUNetPlans__2d";
  const parts = names.map((name) => ({
    name: `${prefix}/${name}`,
    data: readFileSync(join(modelDir, name)),
  }));
  writeFileSync(join(scratch, "export.zip"), buildZip(parts));
  const context = await openSourceContext({
    ...{ cacheFolder: join(scratch, "cache"), progress: silentProgress, lockFile: null, zenodoMirror: null },
    signal: neverStopped(),
  });
  const local = await localModelFolder(join(scratch, "export.zip"), anyModel, context);
  const inputs = await ownInputs({
    models: singleModel(await findModel(local, anyModel)),
    hookFile: null,
    cache: await BlobCache.open(join(scratch, "blobs")),
    progress: silentProgress,
  });
  const expected = names.map((name) => ({
    name: `Dataset501_Blobs/2d/${name}`,
    digest: {
      sha256: createHash("sha256")
        .update(readFileSync(join(modelDir, name)))
        .digest("hex"),
    },
  }));
  expect(inputs).toHaveLength(expected.length);
  expect(inputs).toEqual(expect.arrayContaining(expected));
  expect(readdirSync(join(local.modelDir, prefix, "fold_0"))).toEqual([]);
});
