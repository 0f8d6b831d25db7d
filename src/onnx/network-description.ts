import type { Activation, Normalization } from "./network-builder.js";

/** The `architecture` block of plans.json (or what old plans say instead), parsed once. */
export interface NetworkDescription {
  /** Without its module path: `PlainConvUNet`. */
  readonly className: string;
  readonly dimensions: 2 | 3;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly patchSize: readonly number[];
  /** One entry per stage in the lists below, shallowest first. */
  readonly features: readonly number[];
  readonly kernels: readonly (readonly number[])[];
  readonly strides: readonly (readonly number[])[];
  /** Convolutions (PlainConvUNet) or residual blocks (ResidualEncoderUNet) of each encoder stage. */
  readonly encoderBlocks: readonly number[];
  /** Deepest first, one fewer than stages. */
  readonly decoderConvolutions: readonly number[];
  readonly hasConvolutionBias: boolean;
  readonly normalization: Normalization;
  readonly activation: Activation;
  readonly activationFirst: boolean;
  /** How PlainConvUNet's encoder halves: by strided convolution, or by a pool in front. */
  readonly pool: "conv" | "avg" | "max";
  /** ResidualEncoderUNet with BottleneckD blocks; null for BasicBlockD. */
  readonly bottleneckChannels: readonly number[] | null;
  readonly stemChannels: number | null;
  /** null for none; else the reduction ratio. */
  readonly squeezeExcitationRatio: number | null;
}
