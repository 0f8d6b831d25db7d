import type { ConfigKeys } from "./config-keys.js";

/** The keys that choose the model, and say how its networks are combined. */
export const modelKeys: ConfigKeys = {
  $schema: {
    type: "string",
    description: "Path of config.schema.json. Editors use it to complete and check the keys.",
  },
  task_id: {
    type: "integer",
    minimum: 0,
    maximum: 9999,
    description:
      "Number of the task or dataset. Default: the model folder's. If it is given, the model folder must belong to this task.",
    examples: [504],
  },
  task_name: {
    type: "string",
    pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$",
    $comment: "letters, digits, . _ and -, beginning with a letter or digit",
    description:
      "Name of the task or dataset without its number. Default: the model folder's. If it is given, the model folder must belong to this task.",
    examples: ["BrainTissue"],
  },
  model: {
    type: "string",
    minLength: 1,
    description:
      "The trained model: a folder, a results tree, a .zip, https:… or zenodo:RECORD/FILE. A path is relative to this file. `--model-dir` overrides it. Older files name a configuration here: 2d, 3d_fullres, 3d_lowres and 3d_cascade_fullres are read as `configuration` (write ./2d for a folder with that name).",
    examples: ["../nnUNet_results/Dataset504_BrainTissue"],
  },
  totalseg_task: {
    type: "string",
    minLength: 1,
    description:
      'One of TotalSegmentator\'s tasks instead of `model`, with `_fast` or `_fastest` for its coarser modes, and `_small` for the smaller networks of total_v3. `build_processor models` lists them. Same as `"model": "totalsegmentator:…"`.',
    examples: ["total_fast"],
  },
  configuration: {
    type: "string",
    description:
      "nnU-Net configuration: 2d, 3d_fullres, … or the name of your own configuration in plans.json. Needed only if the model folder holds several.",
    examples: ["3d_fullres"],
  },
  checkpoint_name: {
    type: "string",
    description:
      "File name of the checkpoint in each fold's folder. Default: nnU-Net's final checkpoint, checkpoint_final.pth (v1: model_final_checkpoint.model).",
    examples: ["checkpoint_best.pth"],
  },
  folds: {
    type: ["array", "null"],
    items: {
      anyOf: [
        {
          type: "integer",
          minimum: 0,
        },
        {
          const: "all",
        },
      ],
    },
    uniqueItems: true,
    default: null,
    description:
      "Folds whose predictions are averaged. Null or an empty list means all folds in the model folder.",
    examples: [[0, 1, 2, 3, 4]],
  },
  onnx: {
    type: ["string", "array"],
    items: {
      type: "string",
      minLength: 1,
    },
    minLength: 1,
    minItems: 1,
    description:
      "ONNX file of your own network, or one file for each fold, instead of checkpoints. The model folder then needs only plans.json and dataset.json, and the network's input and output are checked against them.",
    examples: ["network.onnx"],
  },
  ensemble: {
    type: "array",
    minItems: 2,
    items: {
      anyOf: [
        {
          type: "string",
          minLength: 1,
        },
        {
          type: "object",
          additionalProperties: false,
          properties: {
            model: {
              type: "string",
              minLength: 1,
            },
            configuration: {
              type: "string",
              minLength: 1,
            },
            checkpoint_name: {
              type: "string",
              minLength: 1,
            },
            folds: {
              type: "array",
              items: {
                anyOf: [
                  {
                    type: "integer",
                    minimum: 0,
                  },
                  {
                    const: "all",
                  },
                ],
              },
              minItems: 1,
              uniqueItems: true,
            },
          },
        },
      ],
    },
    description:
      "Models whose probabilities are averaged, as in nnU-Net's ensembling: names of configurations in the model folder, or objects with `model` (another folder or source), `configuration`, `checkpoint_name` and `folds`. All models must have the same channels and labels.",
    examples: [["2d", "3d_fullres"]],
  },
  previous_stage: {
    type: "string",
    minLength: 1,
    description:
      "For a cascade: folder or source of its low-resolution model, if it is not next to the second stage. The image contains both models, each with the folds in `folds`, or with all its folds if `folds` is not set.",
  },
  postprocessing: {
    type: ["boolean", "string"],
    minLength: 1,
    default: true,
    description:
      "True removes small components as nnU-Net chose for the model (in its postprocessing.json or .pkl, if it has one). False removes none. A path names another such file.",
  },
};
