import type { NetworkSite } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { residualEncoder } from "./residual-encoder.js";
import { plainDecoder, residualDecoder, unetDecoder } from "./unet-decoder.js";

/** `ResidualEncoderUNet` of dynamic-network-architectures. */
export const residualEncoderUNet = (site: NetworkSite): Feature =>
  unetDecoder(site, residualEncoder(site), plainDecoder);

/** `ResidualUNet` of dynamic-network-architectures: residual blocks on both sides. */
export const residualUNet = (site: NetworkSite): Feature =>
  unetDecoder(site, residualEncoder(site), residualDecoder);
