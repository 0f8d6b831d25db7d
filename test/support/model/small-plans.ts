/** Returns the plans.json of a small 3-D configuration `c`, with some of its top-level fields replaced. */
export const smallPlans = (changes: Readonly<Record<string, unknown>>): object => ({
  ...{ dataset_name: "Dataset001_X", plans_name: "p", image_reader_writer: "SimpleITKIO" },
  ...{ label_manager: "LabelManager", transpose_forward: [0, 1, 2], transpose_backward: [0, 1, 2] },
  configurations: { c: configuration },
  ...changes,
});

const spline = "resample_data_or_seg_to_shape";

const configuration = {
  ...{ patch_size: [8, 8, 8], spacing: [1, 1, 1], preprocessor_name: "DefaultPreprocessor" },
  ...{ normalization_schemes: ["NoNormalization"], use_mask_for_norm: [false] },
  ...{ resampling_fn_data: spline, resampling_fn_seg: spline, resampling_fn_probabilities: spline },
};
