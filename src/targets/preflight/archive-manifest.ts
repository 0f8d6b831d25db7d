import { createHash } from "node:crypto";
import { shortText } from "../../untrusted/short-text.js";
import type { ArchiveFacts } from "./archive-facts.js";

/** The entry of an archive's only image; null when there is no manifest of one image. */
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

/** The whole configuration: `architecture`, `created`, `rootfs` and their like. */
export const imageConfig = (facts: ArchiveFacts): Readonly<Record<string, unknown>> | null =>
  asRecord(facts.documents.get(configName(facts) ?? ""));

/** `User`, `Entrypoint`, `Labels` and their like. */
export function containerConfig(facts: ArchiveFacts): Readonly<Record<string, unknown>> | null {
  const config = imageConfig(facts);
  return config === null ? null : (asRecord(config["config"]) ?? {});
}

/** `sha256:…` of the image's configuration, by which a platform knows the image. */
export function configDigest({ texts, ...facts }: ArchiveFacts): string | null {
  const text = texts.get(configName({ texts, ...facts }) ?? "");
  return text === undefined ? null : `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** In the image's order, the base's first. */
export function layerNames({ documents }: ArchiveFacts): readonly string[] | null {
  const names = manifestEntry(documents)?.["Layers"];
  return Array.isArray(names) ? names.map(shownText) : null;
}

export const asRecord = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;

/** A value that should be a text: as it is if it is one, else cut short, because it can be any JSON of up to 4 MiB. */
export const shownText = (value: unknown): string => (typeof value === "string" ? value : shortText(value));
