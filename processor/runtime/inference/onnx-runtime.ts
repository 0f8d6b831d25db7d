/**
 * The version of ONNX Runtime that loads here.
 *
 * @throws what its library's loader says when it does not load: another platform, a library of the system missing
 */
export async function onnxRuntimeVersion(): Promise<string> {
  // Read when the library loads: it reports its use to its maker otherwise.
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
  const { env } = await import("onnxruntime-node");
  return env.versions.node ?? env.versions.common;
}
