import { encodeDataSet } from "./encode-data-set.js";
import { implementationClassUid, implementationVersionName } from "./uid.js";

export interface HeaderFacts {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

/** Returns the preamble and the file meta information (PS3.10, 7.1) of a file, which are always in explicit VR. */
export function fileHeader({ sopClassUid, sopInstanceUid, transferSyntaxUid }: HeaderFacts): Buffer {
  const syntax = "explicit-little-endian";
  const group = encodeDataSet(
    {
      MediaStorageSOPClassUID: sopClassUid,
      MediaStorageSOPInstanceUID: sopInstanceUid,
      TransferSyntaxUID: transferSyntaxUid,
      ImplementationClassUID: implementationClassUid,
      ImplementationVersionName: implementationVersionName,
    },
    syntax,
  );
  // FileMetaInformationVersion (OB) is 0001.
  const version = Buffer.from([0x02, 0, 0x01, 0, 0x4f, 0x42, 0, 0, 2, 0, 0, 0, 0, 1]);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from("DICM"),
    encodeDataSet({ FileMetaInformationGroupLength: version.length + group.length }, syntax),
    version,
    group,
  ]);
}
