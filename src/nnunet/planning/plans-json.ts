import type { PythonJson } from "../python-json.js";
import { networkShape } from "./network-size.js";
import { masksOf, schemeOf } from "./normalization-schemes.js";
import type { PlannedConfiguration } from "./plan-configuration.js";
import type { DatasetPlan } from "./plan-dataset.js";
import type { PlannerConstants, PlannerName, ResamplingChoice } from "./planners.js";

/** What a plans file says besides the configurations. */
export interface PlansQuestion {
  readonly plan: DatasetPlan;
  readonly planner: PlannerName;
  readonly constants: PlannerConstants;
  readonly plansName: string;
  readonly datasetName: string;
  readonly imageReader: string;
  readonly preprocessor: string;
  readonly channelNames: readonly string[];
  readonly medianRelativeSize: number;
  /** As in dataset_fingerprint.json. */
  readonly intensities: PythonJson;
}

export type PlansJson = Readonly<Record<string, PythonJson>> & {
  readonly configurations: Readonly<Record<string, PythonJson>>;
};

/** Returns the plans as nnU-Net v2 writes them, with its keys in its order. */
export function plansJson(question: PlansQuestion): PlansJson {
  const { plan, planner, plansName, datasetName, imageReader, intensities } = question;
  const configurations = [
    ["2d", configuration(question, "2d", plan.slices, { batch_dice: true })],
    ...lowResolution(question),
    ...(plan.volumes === null
      ? []
      : [
          [
            "3d_fullres",
            configuration(question, "3d_fullres", plan.volumes, { batch_dice: plan.lowResolution !== null }),
          ],
        ]),
    ...(plan.lowResolution === null
      ? []
      : [["3d_cascade_fullres", { inherits_from: "3d_fullres", previous_stage: "3d_lowres" }]]),
  ];
  return {
    dataset_name: datasetName,
    plans_name: plansName,
    original_median_spacing_after_transp: plan.originalMedianSpacing,
    original_median_shape_after_transp: plan.originalMedianSize,
    image_reader_writer: imageReader,
    transpose_forward: plan.transposeForward,
    transpose_backward: plan.transposeBackward,
    configurations: Object.fromEntries(configurations) as Readonly<Record<string, PythonJson>>,
    experiment_planner_used: planner,
    label_manager: "LabelManager",
    foreground_intensity_properties_per_channel: intensities,
  };
}

function lowResolution(question: PlansQuestion): readonly (readonly [string, object])[] {
  const { lowResolution: low } = question.plan;
  if (low === null) return [];
  const further = { batch_dice: false, next_stage: "3d_cascade_fullres" };
  return [
    [
      "3d_lowres",
      configuration(question, "3d_lowres", { ...low.planned, medianSize: low.medianSize }, further),
    ],
  ];
}

function configuration(
  { constants, plansName, preprocessor, channelNames, medianRelativeSize }: PlansQuestion,
  name: "2d" | "3d_lowres" | "3d_fullres",
  planned: PlannedConfiguration,
  further: object,
): object {
  const dataOwner = name === "3d_lowres" ? plansName : (constants.sharedData ?? plansName);
  return {
    data_identifier: `${dataOwner}_${name}`,
    preprocessor_name: preprocessor,
    batch_size: planned.batchSize,
    patch_size: planned.topology.patch,
    median_image_size_in_voxels: planned.medianSize,
    spacing: planned.spacing,
    normalization_schemes: channelNames.map(schemeOf),
    use_mask_for_norm: masksOf(channelNames, medianRelativeSize),
    ...resampling(constants.resampling),
    architecture: architecture(planned, constants),
    ...further,
  };
}

const resampling = ({ name, data, segmentation, probabilities }: ResamplingChoice) => ({
  resampling_fn_data: name,
  resampling_fn_seg: name,
  resampling_fn_data_kwargs: data,
  resampling_fn_seg_kwargs: segmentation,
  resampling_fn_probabilities: name,
  resampling_fn_probabilities_kwargs: probabilities,
});

function architecture({ topology }: PlannedConfiguration, constants: PlannerConstants) {
  const { strides, kernels } = topology;
  const { features, encoder, decoder } = networkShape(topology, constants);
  const dimensions = strides[0]!.length;
  const perStage = constants.network === "PlainConvUNet" ? "n_conv_per_stage" : "n_blocks_per_stage";
  return {
    network_class_name: `dynamic_network_architectures.architectures.unet.${constants.network}`,
    arch_kwargs: {
      n_stages: strides.length,
      features_per_stage: features,
      conv_op: `torch.nn.modules.conv.Conv${dimensions}d`,
      kernel_sizes: kernels,
      strides,
      [perStage]: encoder,
      n_conv_per_stage_decoder: decoder,
      conv_bias: true,
      norm_op: `torch.nn.modules.instancenorm.InstanceNorm${dimensions}d`,
      norm_op_kwargs: { eps: 1e-5, affine: true },
      dropout_op: null,
      dropout_op_kwargs: null,
      nonlin: "torch.nn.LeakyReLU",
      nonlin_kwargs: { inplace: true },
    },
    _kw_requires_import: ["conv_op", "norm_op", "dropout_op", "nonlin"],
  };
}
