/** What a network is built from: the arguments that nnU-Net's plans give its class, resolved. */
export interface NetworkPlan {
  readonly architecture: ArchitectureName;
  /** Image channels and, in a cascade, one per foreground label of the previous stage. */
  readonly inputChannels: number;
  /** One per label, or one per region. */
  readonly outputChannels: number;
  /** 2 or 3 entries. */
  readonly patchSize: readonly number[];
  /** Finest first; the last is the bottleneck. */
  readonly stages: readonly StagePlan[];
  /** Deepest first; one less than `stages`. */
  readonly decoder: readonly DecoderStagePlan[];
  readonly hasConvolutionBias: boolean;
  /** Of the transposed convolutions. */
  readonly hasUpsamplingBias: boolean;
  /** Of the last layer, which gives the logits. */
  readonly hasHeadBias: boolean;
  readonly normalization: NormalizationPlan | null;
  readonly activation: ActivationPlan | null;
  /** conv → activation → normalisation instead of conv → normalisation → activation. */
  readonly isActivationFirst: boolean;
  /** Of a residual encoder. */
  readonly residual: ResidualPlan | null;
}

/** The first three are nnU-Net v2's, the last two v1's. */
export type ArchitectureName =
  | "PlainConvUNet"
  | "ResidualEncoderUNet"
  | "ResidualUNet"
  | "Generic_UNet"
  | "FabiansUNet";

export interface StagePlan {
  readonly features: number;
  /** One entry per spatial axis. */
  readonly kernel: readonly number[];
  /** Of the stage's first convolution. */
  readonly stride: readonly number[];
  /** Convolutions or residual blocks. */
  readonly blocks: number;
  /** Width inside a bottleneck block; null for basic blocks. */
  readonly bottleneckChannels: number | null;
}

export interface DecoderStagePlan {
  readonly kernel: readonly number[];
  /** Convolutions or residual blocks. */
  readonly blocks: number;
}

export type NormalizationPlan = PlainNormalizationPlan | GroupNormalizationPlan;

export interface PlainNormalizationPlan {
  /**
   * `instance` takes mean and variance from the window, `batch` from training; `response` is filter response
   * normalisation, which also has a learnt threshold.
   */
  readonly kind: "instance" | "batch" | "response";
  readonly epsilon: number;
  /** Whether there is a learnt scale and shift. */
  readonly isAffine: boolean;
}

export interface GroupNormalizationPlan {
  readonly kind: "group";
  /** The number of groups of neighbouring channels. */
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
