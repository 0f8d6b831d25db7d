import { foreignLabels } from "../../processor/contract/labels.js";
import { type Finding, fail, pass } from "../findings/finding.js";
import { shortText } from "../untrusted/short-text.js";

/** How grand-challenge asks for a case: a process for each, or a server for many. */
export type ApiMethod = "exec" | "invoke";

/** grand-challenge.org refuses images of root; the platform's own program drops to the image's user. */
export function checkUser(name: string): Finding {
  const user = name.toLowerCase();
  const isRoot = user === "" || /^(root|0)(:|$)/.test(user);
  return isRoot
    ? fail(
        "user",
        `the image runs as ${user === "" ? "nobody in particular, so as root" : user}`,
        "Set USER 1000:1000.",
      )
    : pass("user", `the image runs as ${user}`);
}

export const checkArchitecture = (architecture: string): Finding =>
  architecture === "amd64"
    ? pass("architecture", architecture)
    : fail("architecture", architecture, "Build for linux/amd64.");

export function checkApiMethod(label: unknown): Finding {
  if (label === undefined) return pass("api-method", "no label: one process for each case (exec)");
  return label === "exec" || label === "invoke"
    ? pass("api-method", label)
    : fail(
        "api-method",
        `the label is "${shortText(label)}"`,
        `Set ${foreignLabels.apiMethod} to exec or invoke.`,
      );
}

/** AMOS22 runs an image by the team's name, which its archive has as well. */
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
