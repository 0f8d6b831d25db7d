import type { ImageConfig } from "../oci/oci-shapes.js";
import type { LayerContents } from "./layer-contents.js";

/** The facts about a finished image for its attestations. All are read from the image itself. */
export interface DescribedImage {
  /** `[registry/]name:tag`. */
  readonly imageName: string;
  /**
   * Digest `sha256:…` of the manifest, or of the configuration if an engine stores the image without a
   * manifest.
   */
  readonly digest: string;
  /** In whole seconds, such as `2024-01-02T03:04:05Z`. */
  readonly created: string;
  readonly architecture: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly contents: Pick<LayerContents, "texts" | "files">;
}

export function describeImage(
  { imageName, digest }: Pick<DescribedImage, "imageName" | "digest">,
  { created, architecture, config }: Pick<ImageConfig, "created" | "architecture" | "config">,
  contents: DescribedImage["contents"],
): DescribedImage {
  return {
    imageName,
    digest,
    created: wholeSeconds(created),
    architecture,
    labels: config?.Labels ?? {},
    env: Object.fromEntries(
      (config?.Env ?? []).map((line) => [line.split("=", 1)[0]!, line.replace(/^[^=]*=?/, "")]),
    ),
    contents,
  };
}

/** Engines write nanoseconds, and may omit the time. */
const wholeSeconds = (time: string | null | undefined): string => {
  const date = new Date(time ?? 0);
  return new Date(Math.floor((date.getTime() || 0) / 1000) * 1000).toISOString().replace(".000Z", "Z");
};
