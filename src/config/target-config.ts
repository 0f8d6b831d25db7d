import type { ApiMethod, JsonContent, TargetKind } from "../../processor/contract/target.js";
import { defaultTag } from "./image-name.js";

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

export interface AmosJson {
  readonly team: string;
  readonly task?: 1 | 2;
}

/** The keys of config.json that each belong to one platform. One config.json can serve several platforms. */
export interface PlatformsJson {
  readonly grand_challenge?: GrandChallengeJson | undefined;
  readonly amos22?: AmosJson | undefined;
}

/** The keys of config.json about the platform that the image will run on. */
export interface TargetJson extends PlatformsJson {
  readonly target?: TargetKind;
  readonly registry?: string;
}

/** The same keys, with the defaults that all platforms share. */
export interface TargetConfig {
  readonly kind: TargetKind;
  /** The registry before the default image name, without a slash at the end; null for none. */
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

/** Returns the default name of an image, with placeholders. */
export const defaultImageName = ({ registry }: TargetConfig): string =>
  registry === null ? defaultTag : `${registry}/${defaultTag}`;
