import type { ImageComparison } from "../oci/compare-images.js";

export interface VerifyReport extends ImageComparison {
  readonly image: string;
  readonly foundDigest: string;
  readonly rebuiltDigest: string;
}
