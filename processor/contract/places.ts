/** The folder of the processor in an image. */
const imageRoot = "/opt/nnunet-processor";

/** Every place that both programs name: `build_processor` writes there, the processor reads there. All are absolute. */
export const places = {
  /** In an image. */
  image: {
    root: imageRoot,
    /** The converted model: manifest, ONNX files and weights. */
    model: `${imageRoot}/model`,
    manifest: `${imageRoot}/model/manifest.json`,
    /** The target that the image was built for. An image for no particular platform has no such file. */
    target: `${imageRoot}/target.json`,
    /** The package's name and version, and the field that makes the files ES modules. */
    packageJson: `${imageRoot}/package.json`,
    /** The requirements of CUDA for the driver and the GPU; only in images with CUDA. */
    gpuRequirements: `${imageRoot}/gpu-requirements.json`,
    /** The compiled program: `contract`, `runtime` and their neighbours. */
    programs: `${imageRoot}/processor`,
    /** The file that Node starts. */
    entry: `${imageRoot}/processor/runtime/main.js`,
    /** The web page of the service. */
    page: `${imageRoot}/viewer/page`,
    node: "/usr/local/bin/node",
    /** The libraries of OpenVINO; only in images that carry them. */
    openvino: `${imageRoot}/openvino`,
  },
  /** In an image for any model, which converts a trained model when it starts. */
  anyModel: {
    /** The packages that the converting code needs, next to those of the base image. */
    packages: `${imageRoot}/node_modules`,
    /** The file that Node starts. */
    entry: `${imageRoot}/src/cli/in-image/main.js`,
    /** The trained model, and the folders that a command line's relative paths start from. */
    model: "/model",
    input: "/data/input",
    output: "/data/output",
    metadata: "/metadata",
  },
  /** On grand-challenge. */
  grandChallenge: {
    /** The folder in which the platform unpacks a model that was uploaded without its image. */
    uploadedModel: "/opt/ml/model",
  },
} as const;

/** The file that makes a folder a converted model. */
export const manifestName = "manifest.json";

/** Returns an absolute path in an image without the leading slash, as in the entries of a layer. */
export const layerPath = (path: string): string => path.slice(1);
