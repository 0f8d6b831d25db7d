import { parseChecked } from "../../processor/contract/parse-checked.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { textOf } from "./document-blob.js";
import { configShape, type ImageConfig } from "./oci-shapes.js";
import type { OciImage } from "./oci-types.js";

/** @throws IMAGE_FILE_INVALID */
export const configOf = async ({ imageName, config }: OciImage): Promise<ImageConfig> =>
  parseChecked(await textOf(config.open()), configShape, (reason, cause) =>
    builderError("IMAGE_FILE_INVALID", `${imageName}: its configuration ${reason}`, { cause }),
  );
