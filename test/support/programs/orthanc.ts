import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { freePort } from "../network/free-port.js";

export interface OrthancOptions {
  /** A DICOMweb service, which Orthanc calls `nnunet`. */
  readonly dicomWeb: string;
  /** The port of a receiver called NNUNET. */
  readonly dicomPort: number;
}

export interface Orthanc {
  readonly url: string;
  /** Its AE title is ORTHANC. */
  readonly dicomPort: number;
  stop(): Promise<void>;
}

/** Starts Orthanc with its DICOMweb plugin and an empty folder, on free ports. */
export async function startOrthanc({ dicomWeb, dicomPort }: OrthancOptions): Promise<Orthanc> {
  const folder = mkdtempSync(join(tmpdir(), "orthanc-"));
  const [httpPort, ownDicomPort] = [await freePort(), await freePort()];
  const config = join(folder, "orthanc.json");
  writeFileSync(
    config,
    JSON.stringify({
      Name: "test",
      StorageDirectory: join(folder, "storage"),
      IndexDirectory: join(folder, "storage"),
      HttpPort: httpPort,
      DicomPort: ownDicomPort,
      DicomAet: "ORTHANC",
      DicomAlwaysAllowStore: true,
      DicomAlwaysAllowFind: true,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      Plugins: ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
      DicomModalities: { nnunet: ["NNUNET", "127.0.0.1", dicomPort] },
      DicomWeb: { Enable: true, Root: "/dicom-web/", Servers: { nnunet: [dicomWeb] } },
    }),
  );
  const orthanc = spawn("Orthanc", [config], { stdio: "ignore" });
  const url = `http://127.0.0.1:${httpPort}`;
  const stop = async (): Promise<void> => {
    if (orthanc.exitCode === null) {
      orthanc.kill();
      await once(orthanc, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await answers(`${url}/dicom-web/studies`, orthanc);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, dicomPort: ownDicomPort, stop };
}

const answers = (url: string, orthanc: ChildProcess): Promise<void> =>
  vi.waitFor(
    async () => {
      if (orthanc.exitCode !== null) throw new Error(`Orthanc has ended with ${orthanc.exitCode}`);
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    },
    { timeout: 60_000, interval: 200 },
  );
