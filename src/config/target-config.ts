import { sharedError } from "../../processor/contract/shared-errors.js";
import type { ApiMethod, JsonContent, Target, TargetKind } from "../../processor/contract/target.js";
import { builderError } from "../errors/builder-errors.js";
import { defaultTag } from "./image-name.js";

/** What config.json says about where the image will run. */
export interface TargetJson {
  readonly target?: TargetKind;
  readonly registry?: string;
  readonly grand_challenge?: GrandChallengeJson;
  readonly amos22?: { readonly team: string; readonly task?: 1 | 2 };
}

export interface GrandChallengeJson {
  readonly output: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly api_method?: ApiMethod;
  readonly json_outputs?: readonly {
    readonly relative_path: string;
    readonly content: JsonContent;
    readonly label?: string;
  }[];
}

/** The same with every default decided. Another target's part may be there: one config.json can serve several. */
export interface TargetConfig {
  readonly kind: TargetKind;
  /** In front of the default image name, without slash at the end; null for none. */
  readonly registry: string | null;
  readonly grandChallenge: GrandChallengeJson | null;
  readonly amos22: AmosTeam | null;
}

export interface AmosTeam {
  readonly team: string;
  readonly task: 1 | 2;
}

export function completeTarget(json: TargetJson): TargetConfig {
  return {
    kind: json.target ?? "plain",
    registry: json.registry === undefined ? null : withoutSlashes(json.registry),
    grandChallenge: json.grand_challenge ?? null,
    amos22: json.amos22 === undefined ? null : { team: json.amos22.team, task: json.amos22.task ?? 1 },
  };
}

/** Returns the registry without slashes at its end. */
function withoutSlashes(registry: string): string {
  let end = registry.length;
  while (registry[end - 1] === "/") end--;
  return registry.slice(0, end);
}

/**
 * What goes into the image.
 *
 * @throws CONFIG_INVALID when config.json lacks what the target needs
 */
export function targetOf({ kind, grandChallenge }: TargetConfig): Target {
  if (kind !== "grand-challenge") return { kind };
  if (grandChallenge === null)
    throw sharedError(
      "CONFIG_INVALID",
      'the target grand-challenge needs the output socket: "grand_challenge": {"output": "<slug>"}',
    );
  const { output, inputs, api_method: apiMethod, json_outputs: jsonOutputs } = grandChallenge;
  return {
    kind,
    apiMethod: apiMethod ?? "invoke",
    inputSockets: inputs ?? null,
    outputSocket: output,
    jsonOutputs: (jsonOutputs ?? []).map(({ relative_path: relativePath, content, label }) => ({
      ...{ relativePath, content },
      label: label ?? null,
    })),
  };
}

/** The image's name, with `{task_id}`, `{task_name}` and `{timestamp}` to be filled in. An AMOS22 image is called as its team. */
export function tagOf({ kind, registry, amos22 }: TargetConfig, given: string | undefined): string {
  if (kind !== "amos22") return given ?? (registry === null ? defaultTag : `${registry}/${defaultTag}`);
  const team = given ?? amos22?.team;
  if (team === undefined)
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

/** The archive's name where the platform prescribes it; null for the image's own. */
export function archiveNameOf({ kind, amos22 }: TargetConfig, tag: string): string | null {
  return kind === "amos22" ? `${tag}-task${amos22?.task ?? 1}.tar.gz` : null;
}
