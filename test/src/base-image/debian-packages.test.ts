import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { readTar, type TarEntry } from "../../../processor/files/tar/read-tar.js";
import { knownMirror, mirrorOf, namedMirror, transportOf } from "../../../src/base-image/apt-settings.js";
import { busyboxApplets } from "../../../src/base-image/busybox-applets.js";
import { readRecipe } from "../../../src/base-image/recipe.js";
import { pathFilter, type RootTree, rootTar, unpackPackages } from "../../../src/base-image/root-tree.js";
import { repositoryRoot } from "../../support/golden.js";
import { describeWith, needs } from "../../support/needs.js";
import { neverStopped } from "../../support/never-stopped.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

describe("the mirror of the machine", () => {
  const targets = [
    "nodistro main https://nodes.example.org/",
    "bookworm-security main http://mirror.example.org/debian-security/",
    "bookworm contrib http://contrib.example.org/debian/",
    "bookworm main http://mirror.example.org/debian/",
    "",
  ].join("\n");

  test.each([
    {
      name: "is the source of its own release, with that release's security updates",
      ...{ targets, codename: "bookworm" },
      mirror: {
        archive: "http://mirror.example.org/debian",
        security: "http://mirror.example.org/debian-security",
      },
    },
    {
      name: "has security updates next to the archive if apt names no address for them",
      ...{ targets: "sid main http://a.example.org/debian", codename: "sid" },
      mirror: { archive: "http://a.example.org/debian", security: "http://a.example.org/debian-security" },
    },
    { name: "is null if apt has only other releases", targets, codename: "jessie", mirror: null },
    { name: "is null if the release has no name", targets, codename: "", mirror: null },
    {
      name: "is null if Debian comes from a disc",
      ...{ targets: "sid main cdrom:[Debian]/", codename: "sid", mirror: null },
    },
  ])("$name", ({ targets: lines, codename, mirror }) => {
    expect(mirrorOf(lines, codename)).toEqual(mirror);
  });
});

test("a mirror of the user has its security updates next to it", () => {
  expect(namedMirror({ DEBIAN_MIRROR: "https://mirror.example.org/debian/" })).toEqual({
    archive: "https://mirror.example.org/debian",
    security: "https://mirror.example.org/debian-security",
  });
  expect(namedMirror({})).toBeNull();
});

test("Debian's own mirror is the mirror in python-apt's template for every release", async () => {
  const folder = scratchFolder();
  const template = join(folder, "Debian.info");
  writeFileSync(
    template,
    [
      "X-Exclude-Suites: buzz",
      "Suite: {series}-security\nBaseURI: https://security.example.org/",
      "Suite: {series}\nRepositoryType: deb\nBaseURI: https://own.example.org/debian/",
      "Suite: sid\nBaseURI: https://sid.example.org/debian/",
    ].join("\n\n"),
  );
  expect((await knownMirror(template))?.archive).toBe("https://own.example.org/debian");
  expect(await knownMirror(join(folder, "missing"))).toBeNull();
});

test("apt gets proxy and retries from the machine, but no permission to skip signatures or to run programs", () => {
  const settings = [
    'Acquire::http::Proxy "http://proxy.example.org:3128";',
    'Acquire::https::Verify-Peer "true";',
    'Acquire::Retries "3";',
    'Acquire::http::Proxy::private.example.org "";',
    'Acquire::AllowInsecureRepositories "true";',
    'APT::Get::AllowUnauthenticated "true";',
    'APT::Update::Post-Invoke:: "touch /tmp/x";',
    'Dir::Etc::trustedparts "trusted.gpg.d";',
  ].join("\n");
  expect(transportOf(settings).split("\n")).toEqual([
    'Acquire::http::Proxy "http://proxy.example.org:3128";',
    'Acquire::https::Verify-Peer "true";',
    'Acquire::Retries "3";',
  ]);
});

test("the keys have the fingerprints in the page next to them", () => {
  const folder = join(repositoryRoot, "base-image", "debian");
  const page = readFileSync(join(folder, "README.md"), "utf8");
  const named = [...page.matchAll(/`((?:[0-9A-F]{4} ?){10})`/g)].map(([, text]) => text!.replaceAll(" ", ""));
  const armour = readFileSync(join(folder, "archive-keys.asc"), "latin1");
  const body = armour.slice(armour.indexOf("\n\n") + 2, armour.indexOf("\n="));
  expect(primaryFingerprints(Buffer.from(body, "base64"))).toEqual(named);
});

/** RFC 4880: a fingerprint (12.2) is the SHA-1 of 0x99, the length and the body of a public-key packet (tag 6). */
function primaryFingerprints(packets: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < packets.length; ) {
    const head = packets[at]!;
    const lengthBytes = 1 << (head & 3);
    const length = packets.readUIntBE(at + 1, lengthBytes);
    const body = packets.subarray(at + 1 + lengthBytes, at + 1 + lengthBytes + length);
    if (((head >> 2) & 15) === 6) {
      const prefix = Buffer.from([0x99, length >> 8, length & 255]);
      found.push(createHash("sha1").update(prefix).update(body).digest("hex").toUpperCase());
    }
    at += 1 + lengthBytes + length;
  }
  return found;
}

test("the programs of a busybox are read from its table", () => {
  const program = Buffer.from("\x7fELF…\0[\0[[\0acpid\0cat\0dpkg-deb\0sh\0\0rest", "latin1");
  expect(busyboxApplets(program)).toEqual(["[", "[[", "acpid", "cat", "dpkg-deb", "sh"]);
});

test("a busybox without a table is refused", () => {
  expect(() => busyboxApplets(Buffer.from("\x7fELF"))).toThrow(/no table of its programs/);
});

test("the last matching rule for paths applies, and * matches slashes too", () => {
  const isKept = pathFilter(["path-exclude=/usr/share/*", "path-include=/usr/share/doc/*/copyright"]);
  const paths = [
    "/etc/issue",
    "/usr/share",
    "/usr/share/man/a.1",
    "/usr/share/doc/a/copyright",
    "/usr/share/doc/a",
  ];
  expect(paths.filter(isKept)).toEqual(["/etc/issue", "/usr/share", "/usr/share/doc/a/copyright"]);
});

test("a root file system is written sorted, with links, modes and the folders that contain a file", async () => {
  const tree: RootTree = new Map([
    ["usr/share/doc/a", { kind: "file", mode: 0o644, bytes: Buffer.from("text") }],
    ["bin", { kind: "symlink", target: "usr/bin" }],
    ["tmp", { kind: "directory", mode: 0o1777 }],
  ]);
  expect(await entriesOf(rootTar(tree))).toEqual([
    { path: "bin", kind: "symlink", mode: 0o777, linkTarget: "usr/bin", text: "" },
    { path: "tmp/", kind: "directory", mode: 0o1777, linkTarget: "", text: "" },
    { path: "usr/", kind: "directory", mode: 0o755, linkTarget: "", text: "" },
    { path: "usr/share/", kind: "directory", mode: 0o755, linkTarget: "", text: "" },
    { path: "usr/share/doc/", kind: "directory", mode: 0o755, linkTarget: "", text: "" },
    { path: "usr/share/doc/a", kind: "file", mode: 0o644, linkTarget: "", text: "text" },
  ]);
});

test("a link with a long target keeps it", async () => {
  const target = `usr/${"long/".repeat(60)}end`;
  const [link] = await entriesOf(rootTar(new Map([["a", { kind: "symlink", target }]])));
  expect(link?.linkTarget).toBe(target);
});

async function entriesOf(tar: Iterable<Uint8Array>) {
  const found: (Pick<TarEntry, "path" | "kind" | "mode" | "linkTarget"> & { readonly text: string })[] = [];
  for await (const { path, kind, mode, linkTarget, bytes } of readTar(streamed(tar))) {
    let text = "";
    for await (const chunk of bytes) text += Buffer.from(chunk).toString();
    found.push({ path, kind, mode, linkTarget, text });
  }
  return found;
}

async function* streamed(tar: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* tar;
}

describeWith([needs.dpkg], "a Debian package", () => {
  test("is unpacked with its record, in /usr, and a hard link becomes a separate file", async () => {
    const folder = scratchFolder();
    const root = join(folder, "root");
    for (const name of ["DEBIAN", "lib", "usr/share/man"]) mkdirSync(join(root, name), { recursive: true });
    const control =
      "Package: small\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: small\n";
    writeFileSync(join(root, "DEBIAN", "control"), control);
    writeFileSync(join(root, "lib", "a.so"), "library", { mode: 0o755 });
    writeFileSync(join(root, "usr", "share", "man", "a.1"), "page");
    const file = join(folder, "small_1_all.deb");
    const script = `ln "$1/lib/a.so" "$1/lib/b.so" && dpkg-deb --root-owner-group --build "$1" "$2"`;
    await promisify(execFile)("sh", ["-c", script, "sh", root, file]);
    const tree = await unpackPackages([file], {
      pathRules: ["path-exclude=/usr/share/*"],
      signal: neverStopped(),
    });
    const library = { kind: "file", mode: 0o755, bytes: Buffer.from("library") };
    expect(Object.fromEntries(tree)).toMatchObject({
      "usr/lib/a.so": library,
      "usr/lib/b.so": library,
      "var/lib/dpkg/status.d/small": { bytes: Buffer.from(control) },
    });
    expect([...tree.keys()]).not.toContain("usr/share/man/a.1");
  });
});

test("a recipe names every package for which Debian offers a choice", async () => {
  expect((await readRecipe()).debian.packages).toContain("mawk");
});

test.each([
  ["cpu", "linux/amd64"],
  ["cpu", "linux/arm64"],
  ["cuda12", "linux/amd64"],
  ["cuda13", "linux/amd64"],
] as const)(
  "the recipe of %s for %s has libdeflate, and keeps the licence of every package",
  async (variant, platform) => {
    const { packages, pathRules } = (await readRecipe(variant, platform)).debian;
    expect(packages).toContain("libdeflate0");
    const isKept = pathFilter(pathRules);
    const library = platform === "linux/arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    expect(isKept(`/usr/lib/${library}/libdeflate.so.0`)).toBe(true);
    expect(isKept("/usr/share/doc/libdeflate0/copyright")).toBe(true);
    expect(isKept("/usr/share/doc/libdeflate0/NEWS.gz")).toBe(false);
  },
);
