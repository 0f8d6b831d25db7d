import type { TargetKind } from "../../processor/contract/target.js";
import type { AmosJson } from "../targets/amos22/config.js";
import type { GrandChallengeJson } from "../targets/grand-challenge/config.js";
import { defaultTag } from "./image-name.js";

/** The keys of config.json that belong to one platform each. One config.json can serve several platforms. */
export interface PlatformsJson {
  readonly grand_challenge?: GrandChallengeJson | undefined;
  readonly amos22?: AmosJson | undefined;
}

/** What config.json says about where the image will run. */
export interface TargetJson extends PlatformsJson {
  readonly target?: TargetKind;
  readonly registry?: string;
}

/** The same with the defaults that hold for every platform. */
export interface TargetConfig {
  readonly kind: TargetKind;
  /** In front of the default image name, without slash at the end; null for none. */
  readonly registry: string | null;
  /** Each platform reads its own key. */
  readonly json: PlatformsJson;
}

export function completeTarget(json: TargetJson): TargetConfig {
  return {
    kind: json.target ?? "plain",
    registry: json.registry === undefined ? null : withoutSlashes(json.registry),
    json: { grand_challenge: json.grand_challenge, amos22: json.amos22 },
  };
}

/** Returns the registry without slashes at its end. */
function withoutSlashes(registry: string): string {
  let end = registry.length;
  while (registry[end - 1] === "/") end--;
  return registry.slice(0, end);
}

/** Returns the name of an image that nobody named, with places to be filled in. */
export const defaultImageName = ({ registry }: TargetConfig): string =>
  registry === null ? defaultTag : `${registry}/${defaultTag}`;
