import type { InputFile } from "./dropped-files.js";

const blockBytes = 512;

/**
 * Packs files into one folder of a tar file (POSIX ustar). The result refers to the files' contents, so that a large folder takes no
 * memory. Names are numbered, because only the contents matter and names of patients may be in them.
 */
export function tarOf(files: readonly InputFile[], folder: string): Blob {
  const parts = files.flatMap(({ file }, i) => {
    const padding = (blockBytes - (file.size % blockBytes)) % blockBytes;
    return [
      header(`${folder}/${String(i + 1).padStart(6, "0")}.dcm`, file.size),
      file,
      new Uint8Array(padding),
    ];
  });
  return new Blob([...parts, new Uint8Array(2 * blockBytes)], { type: "application/x-tar" });
}

function header(name: string, size: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes);
  const write = (text: string, offset: number): void => block.set(new TextEncoder().encode(text), offset);
  write(name, 0);
  write("0000644\0", 100); // mode
  write("0000000\0", 108); // owner
  write("0000000\0", 116); // group
  write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  write("00000000000\0", 136); // time
  write("        ", 148); // the checksum counts as spaces in its own sum
  write("0", 156); // a regular file
  write("ustar\0", 257);
  write("00", 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
