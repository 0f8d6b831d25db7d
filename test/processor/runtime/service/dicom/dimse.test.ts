import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  encodeAssociateRequest,
  type OfferedContext,
} from "../../../../../processor/runtime/service/dicom/dimse/association-units.js";
import {
  commands,
  encodeCommand,
  fields,
} from "../../../../../processor/runtime/service/dicom/dimse/command-set.js";
import { dataUnit } from "../../../../../processor/runtime/service/dicom/dimse/data-values.js";
import { pduBytes, pduTypes } from "../../../../../processor/runtime/service/dicom/dimse/read-pdus.js";
import {
  type DicomReceiver,
  openReceiver,
} from "../../../../../processor/runtime/service/dicom/dimse/receiver.js";
import { echo, sendObjects } from "../../../../../processor/runtime/service/dicom/dimse/sender.js";
import { readInstance } from "../../../../../processor/runtime/service/dicom/store/read-instance.js";
import { openTestStore, type TestStore } from "../../../../support/dicom/test-store.js";
import { goldenPath } from "../../../../support/golden.js";
import { needs, testWith } from "../../../../support/needs.js";

const run = promisify(execFile);
const ct = goldenPath("dicom", "sources", "ct_axial");
const names = readdirSync(ct).sort();

let opened: TestStore;
let receiver: DicomReceiver;
let troubles: string[];

const receive = (acceptedAes: readonly string[] | null = null, maxInstanceBytes = 1 << 24) =>
  openReceiver({
    ...{ aeTitle: "NNUNET", acceptedAes, host: "127.0.0.1", port: 0, store: opened.store, maxInstanceBytes },
    ...{ idleMs: 10_000, onTrouble: (line: string) => void troubles.push(line) },
  });

beforeEach(async () => {
  opened = await openTestStore();
  troubles = [];
  receiver = await receive();
});
afterEach(async () => {
  await receiver.close();
  opened.remove();
});

const options = (aeTitle = "NNUNET") => ({
  peer: { host: "127.0.0.1", port: receiver.port, aeTitle },
  callingAe: "SCANNER",
  timeoutMs: 10_000,
  signal: AbortSignal.timeout(30_000),
});

const objects = async (folder = ct) =>
  Promise.all(
    readdirSync(folder)
      .sort()
      .map(async (name) => {
        const path = join(folder, name);
        const { uids, sopClassUid, transferSyntaxUid } = await readInstance(path);
        return { path, sopClassUid, sopInstanceUid: uids.instance, transferSyntaxUid };
      }),
  );
const stored = (): readonly string[] =>
  [...opened.store.studies()].flatMap((study) =>
    opened.store.seriesOf(study).flatMap(({ instances }) => [...instances.values()].map(({ path }) => path)),
  );

describe("objects are received", () => {
  test("a series arrives with the pixels and attributes that were sent", async () => {
    expect(await echo(options())).toBe(0);
    const sent = await objects();
    expect(await sendObjects(sent, options())).toEqual(sent.map(() => 0));
    expect(stored().length).toBe(names.length);
    for (const path of stored()) {
      const { uids } = await readInstance(path);
      const original = sent.find(({ sopInstanceUid }) => sopInstanceUid === uids.instance)!.path;
      // The header is this program's own; what follows is the data set as it was sent.
      const [a, b] = [readFileSync(path), readFileSync(original)];
      expect(a.subarray(-2000).equals(b.subarray(-2000))).toBe(true);
    }
  });

  test("other names are refused", async () => {
    await expect(echo(options("OTHER"))).rejects.toThrow(
      /rejects the association \(result 1, source 1, reason 7\)/,
    );
    await receiver.close();
    receiver = await receive(["PACS"]);
    await expect(echo(options())).rejects.toThrow(/reason 3\)/);
  });

  test("an object that is too large is refused, and the next one is taken", async () => {
    await receiver.close();
    const sent = await objects();
    receiver = await receive(null, 1000);
    expect(await sendObjects(sent.slice(0, 2), options())).toEqual([0xa700, 0xa700]);
    expect(readdirSync(join(opened.folder, "incoming"))).toEqual([]);
  });

  test("an object that is not what was announced is refused", async () => {
    const [first, second] = await objects();
    const statuses = await sendObjects([{ ...first!, path: second!.path }, first!], options());
    expect(statuses).toEqual([0xa900, 0]);
  });
});

describe("a program that does not keep to the protocol ends its own connection only", () => {
  const ask = async (bytes: Buffer): Promise<Buffer> => {
    const socket = connect(receiver.port, "127.0.0.1");
    socket.end(bytes);
    return buffer(socket);
  };
  const associate = (contexts: readonly OfferedContext[]): Buffer => {
    const body = encodeAssociateRequest({
      ...{ calledAe: "NNUNET", callingAe: "X", contexts, maxPduBytes: 0 },
    });
    const head = Buffer.from([1, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(body.length, 2);
    return Buffer.concat([head, body]);
  };
  const verification = {
    id: 1,
    abstractSyntax: "1.2.840.10008.1.1",
    transferSyntaxes: ["1.2.840.10008.1.2"],
  };

  test.each([
    { what: "a web browser", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n") },
    { what: "a unit of 4 GB", bytes: Buffer.from([1, 0, 0xff, 0xff, 0xff, 0xff]) },
    { what: "data before an association", bytes: Buffer.from([4, 0, 0, 0, 0, 0]) },
    {
      what: "an item that is too long",
      bytes: Buffer.concat([
        Buffer.from([1, 0, 0, 0, 0, 72, 0, 1]),
        Buffer.alloc(66),
        Buffer.from([0x20, 0, 0xff, 0xff]),
      ]),
    },
    {
      what: "data of a context that was not accepted",
      bytes: Buffer.concat([
        associate([verification]),
        Buffer.from([4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 9, 3, 0, 0]),
      ]),
    },
    {
      what: "a damaged command",
      bytes: Buffer.concat([
        associate([verification]),
        Buffer.from([4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 3, 7, 7]),
      ]),
    },
    {
      what: "a command in empty parts without end",
      bytes: Buffer.concat([
        associate([verification]),
        pduBytes(pduTypes.data, Buffer.concat(Array(40_000).fill(Buffer.from([0, 0, 0, 2, 1, 1])))),
      ]),
    },
  ])("$what", async ({ bytes }) => {
    const answer = await ask(bytes);
    // The last unit is an abort.
    expect([...answer.subarray(-10, -3)]).toEqual([7, 0, 0, 0, 0, 4, 0]);
    expect(await echo(options())).toBe(0);
    expect(troubles.length).toBe(1);
  });

  test("an unfinished unit", async () => {
    await ask(Buffer.from([1, 0, 0, 0, 0, 9, 1]));
    expect(await echo(options())).toBe(0);
    expect(troubles).toEqual(["the connection ended within a unit"]);
  });

  test("a connection that ends in the middle of an object leaves nothing", async () => {
    const [first] = await objects();
    const context = {
      ...{ id: 1, abstractSyntax: first!.sopClassUid, transferSyntaxes: [first!.transferSyntaxUid] },
    };
    const command = new Map<number, string | number>([
      [fields.affectedSopClass, first!.sopClassUid],
      [fields.command, commands.storeRequest],
      [fields.messageId, 1],
      [fields.dataSetType, 1],
      [fields.affectedSopInstance, first!.sopInstanceUid],
    ]);
    const unit = { contextId: 1, isLast: true };
    const answer = await ask(
      Buffer.concat([
        associate([context]),
        dataUnit({ ...unit, isCommand: true, bytes: encodeCommand(command) }),
        dataUnit({ ...unit, isLast: false, isCommand: false, bytes: Buffer.alloc(100) }),
      ]),
    );
    expect(answer[0]).toBe(2);
    await vi.waitFor(() => expect(readdirSync(join(opened.folder, "incoming"))).toEqual([]), {
      timeout: 10_000,
    });
    expect(stored()).toEqual([]);
  });
});

describe("dcmtk understands this program", () => {
  testWith([needs.dcmtk], "echoscu and storescu send to it", async () => {
    const target = ["127.0.0.1", String(receiver.port)];
    await run("echoscu", ["-aec", "NNUNET", ...target]);
    await run("storescu", ["-aec", "NNUNET", ...target, ...names.map((name) => join(ct, name))]);
    expect(stored().length).toBe(names.length);
    await expect(run("echoscu", ["-aec", "WRONG", ...target])).rejects.toThrow();
  });

  testWith([needs.dcmtk], "storescu sends compressed images, which are stored as they are", async () => {
    const compressed = goldenPath("dicom", "read", "ts_jpeg_lossless_sv1", "input");
    const files = readdirSync(compressed).filter((name) => name.endsWith(".dcm"));
    await run("storescu", [
      "-aec",
      "NNUNET",
      "-xs",
      "127.0.0.1",
      String(receiver.port),
      ...files.map((name) => join(compressed, name)),
    ]);
    const { transferSyntaxUid } = await readInstance(stored()[0]!);
    expect(transferSyntaxUid).toBe("1.2.840.10008.1.2.4.70");
  });

  testWith([needs.dcmtk], "storescp receives from it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "storescp-"));
    const port = receiver.port;
    await receiver.close();
    const scp = spawn("storescp", ["-od", folder, "-aet", "PEER", String(port)], { stdio: "ignore" });
    try {
      const asked = { ...options("PEER"), peer: { host: "127.0.0.1", port, aeTitle: "PEER" } };
      const answers = async (): Promise<void> => {
        while (true) {
          try {
            await echo(asked);
            return;
          } catch {
            asked.signal.throwIfAborted();
          }
        }
      };
      await answers();
      const sent = await objects();
      expect(await sendObjects(sent, asked)).toEqual(sent.map(() => 0));
      expect(readdirSync(folder).length).toBe(names.length);
    } finally {
      scp.kill();
      rmSync(folder, { recursive: true });
      receiver = await receive();
    }
  });
});
