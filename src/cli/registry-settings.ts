import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { readTextFile, unreadable } from "../../processor/files/read-text-file.js";
import { parseImageReference } from "../oci/registry/image-reference.js";
import type { RegistrySettings } from "../oci/registry/registry-access.js";
import type { registryOptions } from "./options/build-options.js";
import type { Terminal } from "./terminal.js";

type RegistryArguments = InferredOptionTypes<typeof registryOptions>;

const passwordVariable = "BUILD_PROCESSOR_REGISTRY_PASSWORD";

/**
 * Returns the settings of the `--registry-…` flags. The user name and password are used only for the registry of
 * `imageName`. No flag takes a password, because every user of the machine can read command lines.
 *
 * @throws USAGE
 */
export async function registrySettings(
  args: RegistryArguments,
  imageName: string,
  terminal: Terminal,
): Promise<RegistrySettings> {
  const user = args["registry-username"];
  const caFile = args["registry-ca"];
  if (user === undefined && args["registry-password-stdin"])
    throw sharedError("USAGE", "--registry-password-stdin needs --registry-username");
  return {
    credentials:
      user === undefined
        ? null
        : {
            registry: parseImageReference(imageName).registry,
            user,
            password: await passwordOf(args, terminal),
          },
    plainHttp: args["registry-plain-http"] ?? [],
    certificateAuthority:
      caFile === undefined ? null : await readPem(resolve(terminal.currentDirectory, caFile)),
  };
}

async function passwordOf(args: RegistryArguments, terminal: Terminal): Promise<string> {
  const password = args["registry-password-stdin"]
    ? (await terminal.readStdin()).replace(/\r?\n$/, "")
    : terminal.environment[passwordVariable];
  if (password) return password;
  throw sharedError(
    "USAGE",
    `--registry-username needs a password: pipe it into --registry-password-stdin, or set ${passwordVariable}`,
  );
}

/** The largest PEM file: four times the size of a system's list of all authorities. */
const maxPemBytes = 1 << 20;

async function readPem(file: string): Promise<string> {
  const text = await readTextFile(file, maxPemBytes).catch((cause: unknown) => {
    throw sharedError("USAGE", `--registry-ca: ${file}: ${unreadable(cause)}`, { cause });
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw sharedError("USAGE", `--registry-ca: ${file} has no PEM certificate`);
  return text;
}
