import type { LayerContents } from "./layer-contents.js";

/** A finished image as its attestations tell of it: everything is read from the image itself. */
export interface DescribedImage {
  /** `[registry/]name:tag`. */
  readonly imageName: string;
  /** `sha256:…`: of the manifest, or of the configuration where an engine keeps the image without one. */
  readonly digest: string;
  /** Whole seconds, `2024-01-02T03:04:05Z`. */
  readonly created: string;
  readonly architecture: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly contents: Pick<LayerContents, "texts" | "files">;
}

/** An image's configuration, in OCI's words or Docker's. */
export interface ImageConfigJson {
  readonly created?: string;
  readonly architecture: string;
  readonly config?: {
    readonly Env?: readonly string[] | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
  };
}

export function describeImage(
  { imageName, digest }: Pick<DescribedImage, "imageName" | "digest">,
  { created, architecture, config }: ImageConfigJson,
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

/** Engines write nanoseconds, and may leave the time out. */
const wholeSeconds = (time: string | undefined): string => {
  const date = new Date(time ?? 0);
  return new Date(Math.floor((date.getTime() || 0) / 1000) * 1000).toISOString().replace(".000Z", "Z");
};
