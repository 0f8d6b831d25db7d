import { basename } from "node:path";
import { type Finding, fail, notChecked, pass, warning } from "../../ground/finding.js";
import type { ArchiveFacts } from "../preflight/archive-facts.js";
import { containerConfig, manifestEntry, shownText } from "../preflight/archive-manifest.js";

/** AMOS22 takes one file of this name. */
export function checkArchiveName({ archive, isFile: isArchive }: ArchiveFacts): Finding | null {
  if (!isArchive) return null;
  const name = basename(archive);
  return /^[a-z0-9]+-task[12]\.tar\.gz$/.test(name)
    ? pass("archive-name", name)
    : fail("archive-name", `${name} is not TEAM-task1.tar.gz or TEAM-task2.tar.gz`, "Rename it.");
}

/** Checks the image's name: AMOS22 runs an image by the team's name, which is also the archive's. */
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

/** Checks that ENTRYPOINT is empty, because the platform's command, `python run_inference.py`, is appended to it. */
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

/** Checks that the image has the team's name, by which AMOS22 runs it and after which the archive is named. */
export function checkTeamName(imageName: string): Finding {
  const team = imageName.replace(/:latest$/, "");
  return /^[a-z0-9]+$/.test(team)
    ? pass("team-name", `the image's name is ${team}`)
    : fail(
        "team-name",
        `the image's name is ${imageName}`,
        "Tag it with the team's name alone, in lower-case letters and digits: `build_processor --tag myteam:latest`.",
      );
}
