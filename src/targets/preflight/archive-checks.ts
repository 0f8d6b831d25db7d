import { basename } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import { foreignLabels } from "../../../processor/contract/labels.js";
import { type Finding, fail, notChecked, pass, warning } from "../../findings/finding.js";
import { checkApiMethod, checkArchitecture, checkTeamName, checkUser } from "../image-checks.js";
import type { ArchiveFacts } from "./archive-facts.js";
import {
  asRecord,
  configDigest,
  configName,
  containerConfig,
  imageConfig,
  layerNames,
  manifestEntry,
  shownText,
} from "./archive-manifest.js";

/** What is known beside the archive. */
export interface CheckContext {
  /** Config digests that were uploaded before. */
  readonly uploadedDigests?: readonly string[];
}

/** Null where there is nothing to check. */
export type ArchiveCheck = (facts: ArchiveFacts, context: CheckContext) => Finding | null;

/** grand-challenge.org's maximum. */
const maxBytes = 10 * 1024 ** 3;

export function checkExtension({ archive, isFile: isArchive }: ArchiveFacts): Finding | null {
  if (!isArchive) return null;
  const name = basename(archive);
  return /\.tar(\.gz|\.xz)?$/.test(name)
    ? pass("extension", `${name} ends with an accepted extension`)
    : fail("extension", `${name} ends with neither .tar, .tar.gz nor .tar.xz`, "Rename it after what it is.");
}

export function checkTar({ problem, entries }: ArchiveFacts): Finding {
  return problem === null
    ? pass("tar", `a whole tar with ${counted(entries.size, "file")}`)
    : fail("tar", problem, "Write the archive again and compare its size after the upload.");
}

export function checkManifest({ documents, entries, problem }: ArchiveFacts): Finding {
  if (problem !== null) return notChecked("manifest", problem);
  if (!entries.has("manifest.json"))
    return fail(
      "manifest",
      entries.has("./manifest.json")
        ? "it is called ./manifest.json; only the exact name manifest.json is found"
        : "there is no file manifest.json",
      "Write the archive with `docker save` or `build_processor --export`, not with tar by hand.",
    );
  return Array.isArray(documents.get("manifest.json"))
    ? pass("manifest", "manifest.json is a list")
    : fail(
        "manifest",
        "manifest.json is not a JSON list",
        "Write the archive with `docker save` or `build_processor --export`.",
      );
}

export function checkSingleImage({ documents }: ArchiveFacts): Finding {
  const manifest = documents.get("manifest.json");
  if (!Array.isArray(manifest)) return notChecked("single-image", "there is no manifest");
  return manifest.length === 1
    ? pass("single-image", "exactly one image")
    : fail("single-image", `${manifest.length} images`, "Save one image only: `docker save NAME:TAG`.");
}

export function checkManifestKeys({ documents }: ArchiveFacts): Finding {
  const entry = manifestEntry(documents);
  if (entry === null) return notChecked("manifest-keys", "there is no manifest of one image");
  const missing = ["Config", "RepoTags", "Layers"].filter((key) => !(key in entry));
  return missing.length === 0
    ? pass("manifest-keys", "Config, RepoTags and Layers are there")
    : fail(
        "manifest-keys",
        `${missing.join(", ")} missing${"config" in entry ? "; config is spelt with a small c" : ""}`,
        "Write the archive with `docker save` or `build_processor --export`.",
      );
}

export function checkConfigName(facts: ArchiveFacts): Finding {
  const name = configName(facts);
  if (name === null) return notChecked("config-name", "the manifest has no Config");
  const isAccepted = /^(?:[0-9a-f]{64}\.json|blobs\/sha256\/[0-9a-f]{64}|sha256:[0-9a-f]{64})$/.test(name);
  if (!isAccepted)
    return fail(
      "config-name",
      `Config is "${name}"`,
      "Write the archive with `docker save` or `build_processor --export`.",
    );
  const digest = configDigest(facts);
  if (digest === null)
    return fail("config-name", `${name} is not in the archive`, "Write the archive again.");
  return name.includes(digest.slice(7))
    ? pass("config-name", name)
    : fail(
        "config-name",
        `${name} has the digest ${digest}`,
        "Write the archive again: the configuration was edited.",
      );
}

export function checkConfigUser(facts: ArchiveFacts): Finding {
  const config = containerConfig(facts);
  return config === null
    ? notChecked("user", "there is no configuration")
    : checkUser(shownText(config["User"] ?? ""));
}

export function checkConfigArchitecture(facts: ArchiveFacts): Finding {
  const config = imageConfig(facts);
  return config === null
    ? notChecked("architecture", "there is no configuration")
    : checkArchitecture(shownText(config["architecture"] ?? "nothing"));
}

/** AMOS22 takes one file of this name. */
export function checkArchiveName({ archive, isFile: isArchive }: ArchiveFacts): Finding | null {
  if (!isArchive) return null;
  const name = basename(archive);
  return /^[a-z0-9]+-task[12]\.tar\.gz$/.test(name)
    ? pass("archive-name", name)
    : fail("archive-name", `${name} is not TEAM-task1.tar.gz or TEAM-task2.tar.gz`, "Rename it.");
}

/** It is run by the team's name, which is the archive's. */
export function checkImageName({ archive, isFile: isArchive, documents }: ArchiveFacts): Finding {
  const names = manifestEntry(documents)?.["RepoTags"];
  const name = Array.isArray(names) ? names.map(shownText)[0] : undefined;
  if (name === undefined) return notChecked("team-name", "the manifest names no image");
  const finding = checkTeamName(name);
  const team = isArchive ? /^(.+)-task[12]\.tar\.gz$/.exec(basename(archive))?.[1] : undefined;
  return finding.result === "pass" && team !== undefined && name.replace(/:latest$/, "") !== team
    ? fail("team-name", `the archive is ${team}'s, the image is called ${name}`, "Give both one name.")
    : finding;
}

/** The platform's command, `python run_inference.py`, comes after it. */
export function checkEntrypoint(facts: ArchiveFacts): Finding {
  const entrypoint = containerConfig(facts)?.["Entrypoint"];
  return Array.isArray(entrypoint) && entrypoint.length > 0
    ? warning(
        "entrypoint",
        `the command becomes ${[...entrypoint.map(shownText), "python", "run_inference.py"].join(" ")}`,
        "Build with `build_processor --target amos22`, which leaves ENTRYPOINT empty; `simulate` shows whether it runs.",
      )
    : pass("entrypoint", "none: python run_inference.py is run as it is");
}

export function checkConfigApiMethod(facts: ArchiveFacts): Finding {
  const config = containerConfig(facts);
  return config === null
    ? notChecked("api-method", "there is no configuration")
    : checkApiMethod(asRecord(config["Labels"])?.[foreignLabels.apiMethod]);
}

export function checkIsNew(facts: ArchiveFacts, { uploadedDigests = [] }: CheckContext): Finding {
  const digest = configDigest(facts);
  if (digest === null) return notChecked("new-image", "there is no configuration");
  return uploadedDigests.includes(digest)
    ? fail(
        "new-image",
        `${digest} was uploaded before`,
        "Nothing changed since: use the image that is there.",
      )
    : pass("new-image", `${digest}; if the platform says "already been uploaded", it has this very image`);
}

export function checkSize({ bytes, isFile: isArchive }: ArchiveFacts): Finding {
  const size = `${(bytes / 1024 ** 3).toFixed(2)} GiB of 10 GiB${isArchive ? "" : ", not compressed"}`;
  if (bytes > maxBytes)
    return fail("size", size, "Use fewer folds, or upload the weights apart as a model tarball.");
  return bytes > 0.8 * maxBytes
    ? warning("size", size, "Little room is left for another fold.")
    : pass("size", size);
}

export function checkLayersPresent(facts: ArchiveFacts): Finding {
  const names = layerNames(facts);
  if (names === null) return notChecked("layers", "the manifest has no Layers");
  const missing = names.find((name) => !facts.entries.has(name));
  return missing === undefined
    ? pass("layers", `${counted(names.length, "layer")}, all there`)
    : fail("layers", `${missing} is not in the archive`, "Write the archive again.");
}

export function checkLayers(facts: ArchiveFacts): Finding {
  const names = layerNames(facts);
  if (names === null) return notChecked("layer-compression", "the manifest has no Layers");
  const found = names.map((name) => facts.entries.get(name)?.compression ?? "missing");
  const kinds = [...new Set(found)];
  if (kinds.includes("missing"))
    return fail(
      "layer-compression",
      `${names[found.indexOf("missing")]} is not in the archive`,
      "Write it again.",
    );
  return kinds.length <= 1
    ? pass("layer-compression", `${counted(names.length, "layer")}, all ${kinds[0] ?? "absent"}`)
    : fail(
        "layer-compression",
        `layers are ${kinds.join(" and ")}: the upload passes, the run fails`,
        "Write the archive with `build_processor --export`: it frames all layers alike.",
      );
}
