import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { TargetOf } from "../../../processor/contract/target.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { PlatformConfig } from "../platform.js";

/** Names an image of AMOS22, and its archive, after the team. */
export const amosConfig: PlatformConfig<TargetOf<"amos22">> = {
  key: "amos22",
  target: () => ({ kind: "amos22" }),
  naming: {
    imageName: ({ amos22 }, given) => teamName(given ?? amos22?.team ?? null),
    archiveName: ({ amos22 }, team) => `${team}-task${amos22?.task ?? 1}.tar.gz`,
  },
  initial: {
    option: "team",
    meaning: "with its name",
    keys: (team) => ({ amos22: { team } }),
    channelsNote: () => null,
  },
};

function teamName(team: string | null): string {
  if (team === null)
    throw sharedError(
      "CONFIG_INVALID",
      'the target amos22 needs the team\'s name: "amos22": {"team": "<name>"}, or --tag <name>',
    );
  if (/^[a-z0-9]+$/.test(team)) return team;
  throw builderError(
    "TAG_INVALID",
    `the image of an AMOS22 team is called as the team, in lower-case letters and digits only, not ${team}`,
  );
}
