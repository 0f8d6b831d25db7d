import type { TaskFacts, TaskPlan } from "./plan-dataset-v1.js";

/** Returns the part of v1's plans that follows from planning, with nnU-Net's keys. Arrays of numbers are numpy's there. */
export function plansV1(plan: TaskPlan, facts: Pick<TaskFacts, "classes" | "modalities">) {
  const isFlat = plan.planner === "ExperimentPlanner2D_v21";
  return {
    num_stages: plan.stages.length,
    num_modalities: facts.modalities.length,
    modalities: byNumber(facts.modalities),
    normalization_schemes: byNumber(plan.normalizationSchemes),
    num_classes: facts.classes.length,
    all_classes: facts.classes,
    base_num_features: 32,
    use_mask_for_norm: byNumber(plan.useMask),
    keep_only_largest_region: null,
    min_region_size_per_class: null,
    min_size_per_class: null,
    transpose_forward: plan.transposeForward,
    transpose_backward: plan.transposeBackward,
    data_identifier: isFlat ? "nnUNetData_plans_v2.1_2D" : "nnUNetData_plans_v2.1",
    plans_per_stage: byNumber(
      plan.stages.map(({ topology, spacing, medianSize, batchSize, usesDummy2dAugmentation }) => ({
        batch_size: batchSize,
        num_pool_per_axis: topology.poolings,
        patch_size: topology.patch,
        median_patient_size_in_voxels: medianSize,
        current_spacing: spacing,
        original_spacing: plan.targetSpacing,
        do_dummy_2D_data_aug: usesDummy2dAugmentation,
        pool_op_kernel_sizes: topology.strides,
        conv_kernel_sizes: topology.kernels,
      })),
    ),
    preprocessor_name: isFlat ? "PreprocessorFor2D" : "GenericPreprocessor",
    ...(isFlat ? {} : { conv_per_stage: 2 }),
  };
}

const byNumber = <T>(values: readonly T[]): Readonly<Record<string, T>> =>
  Object.fromEntries(values.map((value, i) => [String(i), value]));
