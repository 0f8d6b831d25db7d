/**
 * Returns the version of ONNX Runtime that loads here.
 *
 * @throws the error of the dynamic linker if it does not load, because the platform is different or a system library is
 *   missing
 */
export async function onnxRuntimeVersion(): Promise<string> {
  // The library reads this variable when it loads. Without it, ONNX Runtime sends telemetry to its maker.
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
  const { env } = await import("onnxruntime-node");
  return env.versions.node ?? env.versions.common;
}
