import { stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { ProcessorError } from "../../../processor/errors.js";
import { writeFileWhole } from "../../../processor/image-io/write-file.js";
import { describeModel } from "../../checkpoint/nnunet-formats.js";
import { lockFileBeside } from "../../lock-file.js";
import { packageRoot } from "../../package-root.js";
import type { CommandSession } from "../command-session.js";
import type { initOptions } from "../options/run-options.js";
import { trainedModel } from "./trained-model.js";
import { membersOf } from "./trained-models.js";

type InitArguments = InferredOptionTypes<typeof initOptions>;

/** Endings that an image usually takes beside the training set's own. */
const usualExtensions = ["mha", "nii.gz"];

/** Endings of photographs and microscopes, whose axes and spacing mean something else than a scanner's. */
const pictureExtensions = ["png", "bmp", "tif", "tiff"];

/** `build_processor init`: writes a config.json that fits the model. */
export async function runInit(args: InitArguments, session: CommandSession): Promise<number> {
  const { terminal } = session;
  const path = resolve(terminal.currentDirectory, args.output);
  if (!args.overwrite && (await stat(path).catch(() => null)) !== null) {
    throw new ProcessorError("OUTPUT_EXISTS", `${path} exists already`);
  }
  const [member, ...others] = membersOf(args);
  if (member === undefined || others.length > 0)
    throw new ProcessorError("USAGE", "init takes one model; add the others under `ensemble` in the file");
  const model = await trainedModel(member, { ...session, lockFile: lockFileBeside(path) });
  const { channelNames, plan } = await describeModel(model);
  const own = plan.fileEnding.replace(/^\./, "");
  const keepsOwn = pictureExtensions.includes(own);
  const schema = relative(dirname(path), join(packageRoot, "config.schema.json"));
  const config = {
    $schema: schema.startsWith(".") ? schema : `./${schema}`,
    ...(model.task.id === null ? {} : { task_id: model.task.id }),
    task_name: model.task.name,
    configuration: model.configuration,
    ...(args.checkpoint === undefined ? {} : { checkpoint_name: args.checkpoint }),
    folds: null,
    use_test_time_augmentations: false,
    use_overlap: true,
    overlay_destination: "images",
    allowed_extensions: keepsOwn ? [own] : [...new Set([own, ...usualExtensions])],
    output_extension: keepsOwn ? own : "mha",
    ...(channelNames.length > 1
      ? {
          input_channels: Object.fromEntries(
            channelNames.map((name, i) => [name, `_${String(i).padStart(4, "0")}`]),
          ),
        }
      : {}),
    write_json: false,
  };
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify(config, null, 2)}\n`)]);
  terminal.out(`${path}\n`);
  return 0;
}
