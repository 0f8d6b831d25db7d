import { type BaseImageRecipe, readRecipe } from "../base-image/recipe.js";
import { type BaseVariant, baseVariants, readVersions } from "../base-image/variants.js";

/**
 * Returns docs/reference/gpu.md: the contents of each base image, and the driver and GPU that it requires.
 */
export async function gpuPage(): Promise<string> {
  const { variants, defaultCuda } = readVersions();
  const recipes = await Promise.all(baseVariants.map((variant) => readRecipe(variant)));
  return `# Base images and GPUs

\`"device": "cuda"\` in config.json, or \`--device cuda\`, puts a processor on a base image with CUDA; \`"cuda"\` or \`--cuda\`
chooses which (${defaultCuda} by default). \`docs/how-to/gpu.md\` explains how to build and run one.

| base image | ONNX Runtime | CUDA | cuDNN | driver (Linux), at least | compute capabilities |
| ---------- | ------------ | ---- | ----- | ------------------------ | -------------------- |
${baseVariants.map((variant) => row(variant, variants[variant])).join("\n")}

Machine code runs on GPUs of the same major compute capability with an equal or higher minor one; PTX on every newer
GPU, whose driver translates it at the first start. T4 is 7.5, A100 8.0, A10G and RTX 3090 are 8.6, L4 and RTX 4090
8.9, H100 and H200 9.0, RTX 5090 12.0; V100 is 7.0 and B200 10.0, both for \`--cuda 12\` only. The capabilities are those
that ONNX Runtime's execution provider holds code for; the driver is the oldest that NVIDIA names for the toolkit.

\`"gpu_arch"\` or \`--gpu-arch\` names the GPUs that an image is for, such as \`8.6\`, or several: \`8.0,9.0\`. The image then
keeps only the code that these GPUs run, in ONNX Runtime's execution provider; the rest of that library is filled with
zeros, which pack to nothing. In \`cuda13\`, that library then also loads cuRAND no longer, of which it calls nothing, and the
image has no cuRAND. NVIDIA's own libraries are not changed. The image's label
\`org.nnunet-processor.gpu.compute-capabilities\` says what is left, and the processor checks it at start. The target
\`amos22\` keeps the code for 8.6, because it runs on an RTX 3090.

${recipes
  .filter(({ wheels }) => wheels.length > 0)
  .map(wheelSection)
  .join("\n")}`;
}

function row(
  variant: BaseVariant,
  { onnxruntime, cuda }: ReturnType<typeof readVersions>["variants"]["cpu"],
) {
  const cells =
    cuda === null
      ? ["none", "none", "none", "any"]
      : [cuda.cuda, cuda.cudnn, cuda.minimumDriver, capabilities(cuda)];
  return `| \`${variant}\` | ${[onnxruntime, ...cells].join(" | ")} |`;
}

const capabilities = ({
  computeCapabilities,
  ptx,
}: {
  readonly computeCapabilities: readonly string[];
  readonly ptx: string | null;
}): string => `${computeCapabilities.join(", ")}${ptx === null ? "" : `; PTX for ${ptx} and newer`}`;

function wheelSection({ variant, wheels }: BaseImageRecipe): string {
  const rows = wheels.map(({ name, version, licence, layer, files }) => {
    const libraries = Object.keys(files)
      .map((path) => path.split("/").at(-1)!)
      .filter((file) => file.includes(".so"));
    return `| ${name} | ${version} | ${licence} | ${layer} | ${libraries.join(", ")} |`;
  });
  return `## Files of \`${variant}\` from wheels

Each wheel is pinned by version and SHA-256 in \`base-image/${variant}/recipe.json\`; its licence is in the image in
\`/usr/share/doc\`. The image has no other file of the wheel.

| wheel | version | licence | layer | libraries |
| ----- | ------- | ------- | ----- | --------- |
${rows.join("\n")}
`;
}
