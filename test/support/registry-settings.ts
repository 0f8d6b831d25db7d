import type { RegistrySettings } from "../../src/registry-access.js";

/** Of a command line without `--registry-…`. */
export const usualRegistrySettings: RegistrySettings = {
  credentials: null,
  plainHttp: [],
  certificateAuthority: null,
};
