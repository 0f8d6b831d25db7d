import {
  about,
  type Checked,
  count,
  either,
  flag,
  type JsonCheck,
  listOf,
  matching,
  nonEmptyListOf,
  number,
  oneOf,
  orNull,
  positive,
  record,
  text,
  threeOf,
} from "../../../contract/json-check.js";
import { closed, orNothing, usually } from "./closed.js";

const share: JsonCheck<number> = {
  read: (value, place) => number.read(value, place),
  schema: () => ({ type: "number", minimum: 0, maximum: 1 }),
};

/** One value for every model, or a list with one for each. */
const perModel = <T>(check: JsonCheck<T>) => either(check, nonEmptyListOf(orNull(check)));

const fold = either(count, text);
const cascadeMode = oneOf(["intersect", "crop"]);
const checkpointName = matching(/^[\w.-]{1,100}$/, "a file name without folders");

/** The fields that `/infer` and `/v1/jobs` have in common, with nnunet_serve's names. */
const sharedFields = {
  series_folders: about(
    "The series of each channel below study_path, in the model's order; for several models a list for each. `path=2` takes one label of a mask, `path[1]` one component, and `from:<model>` the result of another model.",
    orNothing(either(listOf(text), listOf(listOf(text)))),
  ),
  class_idx: about(
    "Keeps only these classes. A list means classes of one model, or one entry for each of several models.",
    orNothing(either(count, listOf(either(orNull(count), listOf(count))))),
  ),
  checkpoint_name: about(
    "The checkpoint's file in each fold's folder.",
    usually("checkpoint_final.pth", orNothing(perModel(checkpointName))),
  ),
  tmp_dir: about("Accepted without effect.", orNothing(text)),
  is_dicom: about("Also writes the results as DICOM.", usually(false, orNothing(flag))),
  tta: about("Averages the predictions of mirrored images.", usually(true, orNothing(perModel(flag)))),
  use_folds: about(
    "The folds to average, for every model; a list of lists has those of each.",
    usually([0], orNothing(either(fold, either(listOf(fold, 1), listOf(listOf(fold, 1), 1))))),
  ),
  proba_threshold: about(
    "Segments candidates: connected voxels whose probability reaches it.",
    orNothing(perModel(share)),
  ),
  min_confidence: about(
    "Removes candidates whose largest probability is smaller.",
    orNothing(perModel(share)),
  ),
  intersect_with: about("A mask that parts of the first model's segmentation must overlap.", orNothing(text)),
  min_intersection: about(
    "The share of a part's voxels that must be in the mask.",
    usually(0.1, orNothing(share)),
  ),
  crop_from: about("A mask; the first model segments the box around it.", orNothing(text)),
  crop_padding: about(
    "Voxels around the box in x, y and z.",
    usually([10, 10, 10], orNothing(threeOf(count))),
  ),
  cascade_mode: about(
    "What a model's segmentation is for the next one: the mask that its parts must overlap, the box that it segments, or both.",
    usually(
      "intersect",
      orNothing(either(cascadeMode, either(listOf(cascadeMode, 1), listOf(listOf(cascadeMode, 1), 1)))),
    ),
  ),
  save_proba_map: about("Also writes the candidates' probabilities.", usually(false, orNothing(flag))),
  save_nifti_inputs: about("Also writes each channel as NIfTI.", usually(false, orNothing(flag))),
  save_rt_struct_output: about(
    "With is_dicom: also writes an RT structure set.",
    usually(false, orNothing(flag)),
  ),
  suffix: about(
    "Is added to the names of the results: prediction_<suffix>.nii.gz.",
    orNothing(matching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/, "letters, digits, dots, _ and -")),
  ),
  remove_objects_smaller_than: about(
    "Removes the objects of each label that are smaller than this share of its largest one, or, from 1 on, than this number of voxels.",
    orNothing(perModel(positive)),
  ),
  bvalue_for_filtering: about(
    "Takes the volume with the nearest b-value of a DICOM series with several.",
    orNothing(positive),
  ),
};

const modelNames = either(text, nonEmptyListOf(text));

/** The body of `/infer`. */
export const inferenceRequest = closed(
  record({
    nnunet_id: about("The model's id, name or alias, or a list of them.", modelNames),
    study_path: about("The folder of the study, below one of the server's data roots.", text),
    output_dir: about("The folder for the results, below one of the server's data roots.", text),
    ...sharedFields,
  }),
);

export type InferenceRequest = Checked<typeof inferenceRequest>;

const { series_folders: _folders, ...fieldsWithoutSeries } = sharedFields;
const seriesOfOrthanc = listOf(text, 1);

/** The body of `/infer_orthanc`. */
export const orthancRequest = closed(
  record({
    nnunet_id: modelNames,
    series_ids: about(
      "Orthanc's ids of the series of each channel; for several models a list for each. `from:<model>` is the result of another model.",
      either(seriesOfOrthanc, listOf(seriesOfOrthanc, 1)),
    ),
    study_path: about("Ignored.", orNothing(text)),
    output_dir: about("Ignored.", orNothing(text)),
    ...fieldsWithoutSeries,
  }),
);

export type OrthancRequest = Checked<typeof orthancRequest>;

/** The field `request` of `/infer_file`; the server chooses the folders. */
export const uploadRequest = closed(
  record({
    nnunet_id: modelNames,
    study_path: about("Ignored.", orNothing(text)),
    output_dir: about("Ignored.", orNothing(text)),
    ...sharedFields,
  }),
);

export type UploadRequest = Checked<typeof uploadRequest>;

const afterwards = {
  update_url: about("An address that receives the job's end by POST.", orNothing(text)),
  update_format: about(
    "How the end of the job is sent.",
    usually("json", orNothing(oneOf(["json", "form"]))),
  ),
};

/** The body of `POST /v1/jobs`, and the field `request` of its form. */
export const jobRequest = closed(
  record({
    model: about(
      "The model's id, name or alias, or a list of them that run one after the other.",
      modelNames,
    ),
    uploads: about("The ids of finished uploads.", orNothing(nonEmptyListOf(text))),
    study_path: about("The folder of the study, below a data root, instead of uploads.", orNothing(text)),
    output_dir: about(
      "The folder for the results, below a data root; by default the server keeps them.",
      orNothing(text),
    ),
    ...sharedFields,
    ...afterwards,
  }),
);

export type JobRequest = Checked<typeof jobRequest>;

/** The keys that default_args of a model may have. */
export const defaultArgKeys = Object.keys(sharedFields);

/** The schema of default_args in the file of models. */
export const defaultArgs = closed(record(sharedFields));

export type SharedFields = Checked<typeof defaultArgs>;
