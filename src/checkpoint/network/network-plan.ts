/** The arguments that nnU-Net's plans give to the network's class, resolved. */
export interface NetworkPlan {
  readonly architecture: ArchitectureName;
  /**
   * Image channels plus, in the second stage of a cascade, one channel per foreground label of the previous
   * stage.
   */
  readonly inputChannels: number;
  /** Number of heads: one per label, or one per region. */
  readonly outputChannels: number;
  /** Two or three entries. */
  readonly patchSize: readonly number[];
  /** Finest first; the last is the bottleneck. */
  readonly stages: readonly StagePlan[];
  /** Deepest first; one less than `stages`. */
  readonly decoder: readonly DecoderStagePlan[];
  readonly hasConvolutionBias: boolean;
  /** True if the transposed convolutions have a bias. */
  readonly hasUpsamplingBias: boolean;
  /** True if the last layer, which computes the logits, has a bias. */
  readonly hasHeadBias: boolean;
  readonly normalization: NormalizationPlan | null;
  readonly activation: ActivationPlan | null;
  /**
   * True for convolution → activation → normalisation; false for convolution → normalisation → activation.
   */
  readonly isActivationFirst: boolean;
  /** Null for architectures without a residual encoder. */
  readonly residual: ResidualPlan | null;
  /** Present for a transformer only, which has no stages. */
  readonly transformer?: TransformerPlan;
  /** Present for MONAI's UNet only, whose levels are inside each other. */
  readonly monaiUNet?: MonaiUNetPlan;
}

/** The arguments of MONAI's `UNet`. */
export interface MonaiUNetPlan {
  /** Finest first; the last is the bottom. */
  readonly channels: readonly number[];
  /** One less than `channels`. */
  readonly strides: readonly (readonly number[])[];
  readonly kernel: readonly number[];
  readonly upsamplingKernel: readonly number[];
  /** The convolutions of a residual unit; 0 for plain convolutions. */
  readonly residualUnits: number;
  /** The order of activation (A), dropout (D) and normalisation (N). */
  readonly order: string;
  /** True for PReLU, whose slopes are tensors. */
  readonly hasLearntSlopes: boolean;
}

export interface TransformerPlan {
  /** The values of a token. */
  readonly embedding: number;
  readonly heads: number;
  /** The number of blocks. */
  readonly depth: number;
  /** The voxels of a token along each axis. */
  readonly tokenSize: number;
  /** The channels after each transposed convolution but the last. */
  readonly decoderChannels: readonly number[];
}

/** The first three are nnU-Net v2's, the next two v1's, then v2's transformer, MONAI's UNet, and NVIDIA's U-Nets. */
export type ArchitectureName =
  | "PlainConvUNet"
  | "ResidualEncoderUNet"
  | "ResidualUNet"
  | "Generic_UNet"
  | "FabiansUNet"
  | "Primus"
  | "MonaiUNet"
  | NvidiaArchitecture;

/**
 * MONAI's DynUNet, which NVIDIA uses since 21.11; NVIDIA's own U-Net until then, with or without attention; and its UNet3D
 * for BraTS 2022.
 */
export type NvidiaArchitecture = "DynUNet" | "NvidiaUNet" | "NvidiaAttentionUNet" | "NvidiaUNet3D";

export interface StagePlan {
  readonly features: number;
  /** One entry per spatial axis. */
  readonly kernel: readonly number[];
  /** Stride of the first convolution of the stage. */
  readonly stride: readonly number[];
  /** Number of convolutions or residual blocks. */
  readonly blocks: number;
  /** Channels inside a bottleneck block; null for basic blocks. */
  readonly bottleneckChannels: number | null;
}

export interface DecoderStagePlan {
  readonly kernel: readonly number[];
  /** Number of convolutions or residual blocks. */
  readonly blocks: number;
}

export type NormalizationPlan = PlainNormalizationPlan | GroupNormalizationPlan;

export interface PlainNormalizationPlan {
  /**
   * `instance` computes mean and variance from the window, and `batch` uses those of the training. `response`
   * is filter response normalisation, which also has a learnt threshold.
   */
  readonly kind: "instance" | "batch" | "response";
  readonly epsilon: number;
  /** True if there is a learnt scale and shift. */
  readonly isAffine: boolean;
}

export interface GroupNormalizationPlan {
  readonly kind: "group";
  /** Number of groups of adjacent channels. */
  readonly groups: number;
  readonly epsilon: number;
  readonly isAffine: boolean;
}

export type ActivationPlan =
  | {
      readonly kind: "leakyRelu" | "relu" /** The slope for negative values; 0 for `relu`. */;
      readonly slope: number;
    }
  | { readonly kind: "elu"; readonly alpha: number }
  | { readonly kind: "gelu"; readonly approximation: "none" | "tanh" }
  | { readonly kind: "mish" | "silu" | "selu" | "tanh" | "sigmoid" | "softplus" };

export interface ResidualPlan {
  readonly block: "basic" | "bottleneck";
  readonly stemChannels: number;
}
