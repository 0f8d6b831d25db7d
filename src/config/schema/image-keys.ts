import type { ConfigKeys } from "./config-keys.js";

/** The keys about the image and the platform that it runs on. */
export const imageKeys: ConfigKeys = {
  cuda: {
    type: "string",
    enum: ["12", "13"],
    description:
      'CUDA version in an image for `"device": "cuda"`. Default: the newest. `12` is for drivers and GPUs that `13` does not support (docs/reference/gpu.md).',
  },
  gpu_arch: {
    type: ["string", "array"],
    $comment: "a compute capability such as 8.6",
    pattern: "^[0-9]{1,2}\\.[0-9]$",
    minItems: 1,
    items: {
      type: "string",
      $comment: "a compute capability such as 8.6",
      pattern: "^[0-9]{1,2}\\.[0-9]$",
    },
    description:
      'Compute capabilities of the GPUs that an image for `"device": "cuda"` is for, such as `"8.6"` or `["8.0", "9.0"]`. The image keeps only their code, and is smaller (docs/reference/gpu.md). Default: all that the CUDA version supports; `8.6` for the target `amos22`.',
  },
  target: {
    type: "string",
    enum: ["plain", "grand-challenge", "amos22", "sol"],
    default: "plain",
    description: "Where the image will run. `--target` overrides it. See docs/how-to/targets.md.",
  },
  registry: {
    type: "string",
    pattern: "^[A-Za-z0-9][A-Za-z0-9.:_/-]*$",
    $comment: "letters, digits and . : _ / -, beginning with a letter or digit",
    description: "Registry, optionally with a path, to put before the default image name.",
    examples: ["registry.example.org/group"],
  },
  grand_challenge: {
    type: "object",
    additionalProperties: false,
    required: ["output"],
    properties: {
      output: {
        type: "string",
        pattern: "^[A-Za-z0-9_-]+$",
        $comment: "letters, digits, _ and -",
      },
      inputs: {
        type: "object",
        minProperties: 1,
        additionalProperties: {
          type: "string",
          pattern: "^[A-Za-z0-9_-]+$",
          $comment: "letters, digits, _ and -",
        },
      },
      api_method: {
        type: "string",
        enum: ["exec", "invoke"],
      },
      json_outputs: {
        type: "array",
        items: {
          type: "object",
          additionalProperties: false,
          required: ["relative_path", "content"],
          properties: {
            relative_path: {
              type: "string",
              maxLength: 4096,
              pattern: "^(?!/)(?!.*(^|/)\\.\\.(/|$)).+\\.json$",
              $comment: "a path below the output folder that ends with .json, without ..",
            },
            content: {
              type: "string",
              enum: ["volumes_ml", "voxel_counts"],
            },
            label: {
              type: "string",
            },
          },
        },
      },
    },
    description:
      "The sockets of an algorithm on grand-challenge. `output`: slug of the output socket for the segmentation. `inputs`: slug of the image socket for each of the model's channels; if it is absent, the only image socket holds all channels. `api_method`: `invoke` (default) serves one case after another, `exec` starts the container for each case. `json_outputs`: JSON files with `volumes_ml` (millilitres) or `voxel_counts` of every label by name, or of one label if `label` names it. A flat image has no volume: use `voxel_counts`.",
    examples: [
      {
        inputs: {
          CT: "ct-image",
        },
        output: "organ-segmentation",
        json_outputs: [
          {
            relative_path: "organ-volumes.json",
            content: "volumes_ml",
          },
        ],
      },
    ],
  },
  amos22: {
    type: "object",
    additionalProperties: false,
    required: ["team"],
    properties: {
      team: {
        type: "string",
        pattern: "^[a-z0-9]+$",
        $comment: "lower-case letters and digits",
      },
      task: {
        type: "integer",
        enum: [1, 2],
      },
    },
    description:
      "A submission to AMOS22. `team`: lower-case letters and digits; the image and its archive get this name. `task`: 1 (default) for CT, 2 for CT and MR.",
    examples: [
      {
        team: "ourteam",
        task: 1,
      },
    ],
  },
  num_threads_preprocessing: {
    type: "integer",
    minimum: 1,
    maximum: 64,
    description:
      "Accepted and ignored, for older configurations. The processor reads and writes in parallel and uses all cores of the container.",
  },
  num_threads_nifti_save: {
    type: "integer",
    minimum: 1,
    maximum: 64,
    description: "Accepted and ignored, like `num_threads_preprocessing`.",
  },
  model_license: {
    type: "string",
    minLength: 1,
    description:
      "Licence of the model, for the image's list of contents: an SPDX expression if one fits, or your own words. Default: the licence of a pretrained model, or NOASSERTION.",
    examples: ["CC-BY-SA-4.0"],
  },
};
