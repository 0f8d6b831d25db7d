import type { StagePlan } from "../../checkpoint/network/network-plan.js";
import {
  blockPaths,
  convolutionBlock,
  type NetworkSite,
  numbered,
  stackedBlocks,
} from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { type DecoderParts, unetDecoder } from "./unet-decoder.js";

/** `FabiansUNet`, nnU-Net v1's network with a residual encoder and a plain decoder. */
export const fabiansUNet = (site: NetworkSite): Feature => unetDecoder(site, encoder(site), decoder);

function encoder(site: NetworkSite): Feature[] {
  const { stages, residual } = site.plan;
  const three = site.plan.patchSize.map(() => 3);
  let feature = convolutionBlock(
    site,
    pair("encoder.initial_conv", "encoder.initial_norm"),
    site.graph.input,
    {
      channels: residual?.stemChannels ?? (stages[0] as StagePlan).features,
      kernel: three,
      stride: three.map(() => 1),
    },
  );
  return stages.map(({ blocks, ...stage }, s) => {
    for (const [i, path] of numbered(`encoder.stages.${s}.convs`, blocks).entries()) {
      const stride = i === 0 ? stage.stride : stage.stride.map(() => 1);
      feature = residualBlock(site, path, feature, { ...stage, stride });
    }
    return feature;
  });
}

type BlockPlan = Pick<StagePlan, "features" | "kernel" | "stride">;

/** `BasicResidualBlock`. Unlike v2's block, its shortcut is a strided 1×1 convolution without pooling. */
function residualBlock(site: NetworkSite, path: string, x: Feature, plan: BlockPlan): Feature {
  const { features: channels, kernel, stride } = plan;
  const first = convolutionBlock(site, pair(`${path}.conv1`, `${path}.norm1`), x, {
    channels,
    kernel,
    stride,
  });
  const second = convolutionBlock(site, pair(`${path}.conv2`, `${path}.norm2`), first, {
    channels,
    kernel,
    stride: stride.map(() => 1),
    hasActivation: false,
  });
  const isSame = x.channels === channels && stride.every((step) => step === 1);
  const around = isSame ? x : skip(site, path, x, plan);
  return site.graph.activation(
    `${path}.nonlin2`,
    site.graph.add(`${path}.add`, second, around),
    site.plan.activation,
  );
}

const skip = (site: NetworkSite, path: string, x: Feature, { features, stride }: BlockPlan): Feature =>
  convolutionBlock(site, pair(`${path}.downsample_skip.0`, `${path}.downsample_skip.1`), x, {
    channels: features,
    kernel: stride.map(() => 1),
    stride,
    hasActivation: false,
  });

const decoder: DecoderParts = {
  upsampling: (stage) => `decoder.tus.${stage}`,
  stage: (site, x, { index, features, kernel, blocks }) =>
    stackedBlocks(site, numbered(`decoder.stages.${index}.convs`, blocks).map(blockPaths), x, {
      channels: features,
      kernel,
      stride: kernel.map(() => 1),
    }),
  head: () => "decoder.segmentation_output",
};

const pair = (convolution: string, norm: string) => ({ convolution, norm });
