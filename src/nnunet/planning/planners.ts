/** How a planner's plans resample: nnU-Net's functions with their arguments, for images, labels and probabilities. */
export interface ResamplingChoice {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly segmentation: Readonly<Record<string, unknown>>;
  readonly probabilities: Readonly<Record<string, unknown>>;
}

/** The constants in which nnU-Net v2's planners differ. */
export interface PlannerConstants {
  readonly network: "PlainConvUNet" | "ResidualEncoderUNet";
  /** The feature maps of the reference network: numbers of values for a batch of 2 (3-D) and of 12 (2-D). */
  readonly reference: { readonly volumes: number; readonly slices: number };
  /** The GPU memory that the reference stands for, and the default target. */
  readonly referenceGigabytes: number;
  /** The largest share of the data set's voxels that one batch may hold. */
  readonly coveredShare: number;
  readonly plansName: string;
  /** The identifier of 2d and 3d_fullres data of another planner, which are the same; null if they are its own. */
  readonly sharedData: string | null;
  readonly resampling: ResamplingChoice;
}

const splines: ResamplingChoice = {
  name: "resample_data_or_seg_to_shape",
  data: { is_seg: false, order: 3, order_z: 0, force_separate_z: null },
  segmentation: { is_seg: true, order: 1, order_z: 0, force_separate_z: null },
  probabilities: { is_seg: false, order: 1, order_z: 0, force_separate_z: null },
};

const noResampling: ResamplingChoice = {
  name: "no_resampling_hack",
  data: {},
  segmentation: {},
  probabilities: {},
};

function torch(arguments_: Readonly<Record<string, unknown>>): ResamplingChoice {
  const withKind = (isSegmentation: boolean) => ({ is_seg: isSegmentation, ...arguments_ });
  return {
    name: "resample_torch_fornnunet",
    data: withKind(false),
    segmentation: withKind(true),
    probabilities: withKind(false),
  };
}

const torchTogether = torch({ force_separate_z: false, memefficient_seg_resampling: false });
const torchApart = torch({
  force_separate_z: null,
  memefficient_seg_resampling: false,
  separate_z_anisotropy_threshold: 3,
});

const plain: PlannerConstants = {
  network: "PlainConvUNet",
  reference: { volumes: 560e6, slices: 85e6 },
  referenceGigabytes: 8,
  coveredShare: 0.05,
  plansName: "nnUNetPlans",
  sharedData: null,
  resampling: splines,
};

const residual: PlannerConstants = {
  ...plain,
  network: "ResidualEncoderUNet",
  reference: { volumes: 680e6, slices: 135e6 },
  plansName: "nnUNetResEncUNetPlans",
  sharedData: "nnUNetPlans",
};

const residualL: PlannerConstants = {
  ...residual,
  reference: { volumes: 2100e6, slices: 380e6 },
  referenceGigabytes: 24,
  coveredShare: 1,
  plansName: "nnUNetResEncUNetLPlans",
};

/** A planner with other resampling has data of its own for every configuration. */
const resampled = (
  base: PlannerConstants,
  ending: string,
  resampling: ResamplingChoice,
): PlannerConstants => ({
  ...base,
  plansName: `${base.plansName}_${ending}`,
  sharedData: null,
  resampling,
});

/** The planners of nnU-Net v2, by the names of their classes. */
export const planners = {
  ExperimentPlanner: plain,
  ResEncUNetPlanner: residual,
  nnUNetPlannerResEncM: { ...residual, coveredShare: 1, plansName: "nnUNetResEncUNetMPlans" },
  nnUNetPlannerResEncL: residualL,
  nnUNetPlannerResEncXL: {
    ...residual,
    reference: { volumes: 3600e6, slices: 560e6 },
    referenceGigabytes: 40,
    coveredShare: 1,
    plansName: "nnUNetResEncUNetXLPlans",
  },
  nnUNetPlanner_torchres: resampled(plain, "torchres", torchTogether),
  nnUNetPlannerResEncL_torchres: resampled(residualL, "torchres", torchTogether),
  nnUNetPlannerResEncL_torchres_sepz: resampled(residualL, "torchres_sepz", torchApart),
  nnUNetPlannerResEncL_noResampling: resampled(residualL, "noResampling", noResampling),
} as const satisfies Readonly<Record<string, PlannerConstants>>;

export type PlannerName = keyof typeof planners;

export const plannerNames = Object.keys(planners) as readonly PlannerName[];
