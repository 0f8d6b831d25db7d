import type { RegistrySettings } from "../../../src/oci/registry/registry-access.js";

/** The settings of a command line without any `--registry-…` flag. */
export const usualRegistrySettings: RegistrySettings = {
  credentials: null,
  plainHttp: [],
  certificateAuthority: null,
};
