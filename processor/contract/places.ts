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
    /** What the image was built for; an image for no platform has no such file. */
    target: `${imageRoot}/target.json`,
    /** The name, the version, and the word that the files are ES modules. */
    packageJson: `${imageRoot}/package.json`,
    /** What CUDA needs of driver and GPU; only in images with CUDA. */
    gpuRequirements: `${imageRoot}/gpu-requirements.json`,
    /** The compiled program: `contract`, `runtime` and their neighbours. */
    programs: `${imageRoot}/processor`,
    /** The file that Node starts. */
    entry: `${imageRoot}/processor/runtime/main.js`,
    node: "/usr/local/bin/node",
  },
  /** On grand-challenge. */
  grandChallenge: {
    /** A model that was uploaded without its image is unpacked there. */
    uploadedModel: "/opt/ml/model",
  },
} as const;

/** The file that makes a folder a converted model. */
export const manifestName = "manifest.json";

/** Returns an absolute path in an image as the entries of a layer have it: without the slash in front. */
export const layerPath = (path: string): string => path.slice(1);
