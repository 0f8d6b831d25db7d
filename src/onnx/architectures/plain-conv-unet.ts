import type { NetworkSite } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { plainEncoder } from "./plain-encoder.js";
import { plainDecoder, unetDecoder } from "./unet-decoder.js";

/** `PlainConvUNet` of dynamic-network-architectures. */
export const plainConvUNet = (site: NetworkSite): Feature =>
  unetDecoder(site, plainEncoder(site), plainDecoder);
