import { createHash } from "node:crypto";
import { shortText } from "../../ground/untrusted/short-text.js";
import type { ArchiveFacts } from "./archive-facts.js";

/** Returns the entry of an archive's only image; null if the archive has no manifest with exactly one image. */
export function manifestEntry(
  documents: ReadonlyMap<string, unknown>,
): Readonly<Record<string, unknown>> | null {
  const manifest = documents.get("manifest.json");
  return Array.isArray(manifest) && manifest.length === 1 ? asRecord(manifest[0]) : null;
}

/** The configuration's file in the archive. */
export function configName({ documents }: ArchiveFacts): string | null {
  const name = manifestEntry(documents)?.["Config"];
  return typeof name === "string" ? name : null;
}

/** Returns the whole configuration: `architecture`, `created`, `rootfs` and so on. */
export const imageConfig = (facts: ArchiveFacts): Readonly<Record<string, unknown>> | null =>
  asRecord(facts.documents.get(configName(facts) ?? ""));

/** Returns the part of the configuration with `User`, `Entrypoint`, `Labels` and so on. */
export function containerConfig(facts: ArchiveFacts): Readonly<Record<string, unknown>> | null {
  const config = imageConfig(facts);
  return config === null ? null : (asRecord(config["config"]) ?? {});
}

/** Returns the digest `sha256:…` of the image's configuration, by which a platform identifies the image. */
export function configDigest({ texts, ...facts }: ArchiveFacts): string | null {
  const text = texts.get(configName({ texts, ...facts }) ?? "");
  return text === undefined ? null : `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** Returns the layers in the image's order, those of the base image first. */
export function layerNames({ documents }: ArchiveFacts): readonly string[] | null {
  const names = manifestEntry(documents)?.["Layers"];
  return Array.isArray(names) ? names.map(shownText) : null;
}

export const asRecord = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;

/**
 * Returns a value that should be a text: unchanged if it is one, otherwise shortened, because any JSON of 4 MiB is
 * possible.
 */
export const shownText = (value: unknown): string => (typeof value === "string" ? value : shortText(value));
