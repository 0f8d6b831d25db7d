import { describe, expect, test } from "vitest";
import {
  bundledLibraries,
  debianPackages,
  distributionOf,
  npmPackages,
  pythonPackages,
} from "../../../src/attest/installed-packages.js";
import { imageUrl, packageUrl } from "../../../src/attest/package-url.js";
import { spdxExpression } from "../../../src/attest/spdx-expression.js";

const status = `Package: libstdc++6
Status: install ok installed
Maintainer: Debian GCC Maintainers <debian-gcc@lists.debian.org>
Architecture: amd64
Source: gcc-14 (14.2.0-19)
Version: 1:14.2.0-19+b1
Description: GNU Standard C++ Library v3
 Package: a line that goes on is not a field
Homepage: http://gcc.gnu.org/

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1
`;

const trixie = distributionOf({
  texts: { "usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n' },
});

describe("debianPackages", () => {
  test("reads dpkg's status without removed packages", () => {
    const packages = debianPackages({ texts: { "var/lib/dpkg/status": status } });
    expect(packages).toEqual([
      {
        kind: "deb",
        name: "libstdc++6",
        version: "1:14.2.0-19+b1",
        architecture: "amd64",
        sourcePackage: "gcc-14 (14.2.0-19)",
        maintainer: "Debian GCC Maintainers <debian-gcc@lists.debian.org>",
        homepage: "http://gcc.gnu.org/",
        license: null,
      },
    ]);
    expect(packageUrl(packages[0]!, trixie)).toBe(
      "pkg:deb/debian/libstdc%2B%2B6@1:14.2.0-19%2Bb1?arch=amd64&distro=debian-13",
    );
  });

  test("reads status.d of an image without dpkg, and not its lists of checksums", () => {
    const texts = {
      "var/lib/dpkg/status.d/libc6": "Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\n",
      "var/lib/dpkg/status.d/libc6.md5sums": "Package: not\nVersion: 1\n",
    };
    expect(debianPackages({ texts }).map(({ name, version }) => [name, version])).toEqual([
      ["libc6", "2.41-12"],
    ]);
  });
});

test("npmPackages reads each package.json once, and skips invalid ones", () => {
  const file = (name: string) => `opt/nnunet-processor/node_modules/${name}/package.json`;
  const pngjs = JSON.stringify({ name: "pngjs", version: "7.0.0", license: "MIT" });
  const scoped = JSON.stringify({ name: "@a/b", version: "1.0.0-rc.1+5", license: "SEE LICENSE IN LICENSE" });
  const texts = {
    [file("pngjs")]: pngjs,
    [file("x/node_modules/pngjs")]: pngjs,
    [file("@a/b")]: scoped,
    [file("y")]: "{",
  };
  const packages = npmPackages({ texts });
  expect(packages.map(({ name, license }) => [name, license])).toEqual([
    ["@a/b", null],
    ["pngjs", "MIT"],
  ]);
  expect(packageUrl(packages[0]!, trixie)).toBe("pkg:npm/%40a/b@1.0.0-rc.1%2B5");
});

test("pythonPackages reads the header of each METADATA, and recognises every spelling of NVIDIA's licence", () => {
  const header = (name: string, licence: string) =>
    `Metadata-Version: 2.4\nName: ${name}\nVersion: 1.2.3\n${licence}\n\nName: not in the header\n`;
  const texts = {
    "a/nvidia_cublas-1.2.3.dist-info/METADATA": header(
      "nvidia-cublas",
      "License-Expression: LicenseRef-NVIDIA-Proprietary",
    ),
    "a/nvidia_cufft-1.2.3.dist-info/METADATA": header("nvidia_cufft", "License: NVIDIA Proprietary Software"),
    "a/onnxruntime_gpu-1.2.3.dist-info/METADATA": header("onnxruntime-gpu", "License: MIT License"),
    "a/METADATA": header("other", ""),
  };
  const packages = pythonPackages({ texts });
  expect(packages.map(({ name, license }) => [name, license])).toEqual([
    ["nvidia-cublas", "LicenseRef-NVIDIA-Proprietary"],
    ["nvidia_cufft", "LicenseRef-NVIDIA-Proprietary"],
    ["onnxruntime-gpu", "MIT"],
  ]);
  expect(packageUrl(packages[1]!, trixie)).toBe("pkg:pypi/nvidia-cufft@1.2.3");
});

test("imageUrl names registry, repository and tag next to the digest", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const imageName = "registry.example.org:5000/team/liver:1";
  expect(imageUrl({ imageName, digest, architecture: "amd64" })).toBe(
    `pkg:oci/liver@${digest}?arch=amd64&repository_url=registry.example.org:5000%2Fteam%2Fliver&tag=1`,
  );
});

test.each([
  { text: "Apache-2.0", expression: "Apache-2.0" },
  { text: "CC BY-SA 4.0", expression: "CC-BY-SA-4.0" },
  { text: "(MIT OR Apache-2.0)", expression: "(MIT OR Apache-2.0)" },
  { text: "for research only", expression: null },
  { text: "LicenseRef-Elsewhere", expression: null },
])("the licence “$text” is $expression to SPDX", ({ text, expression }) => {
  expect(spdxExpression(text)).toBe(expression);
});

describe("bundledLibraries", () => {
  const path = "usr/share/nnunet-processor/bundled/openvino.json";

  test("reads libraries inside wheels, with and without a version", () => {
    const list = [
      { name: "hwloc", version: "2.8.0", licence: "BSD-3-Clause" },
      { name: "oneDNN", version: null, licence: "Apache-2.0" },
    ];
    const found = bundledLibraries({ texts: { [path]: JSON.stringify(list) } });
    expect(found.map(({ kind, name, version, license }) => [kind, name, version, license])).toEqual([
      ["generic", "hwloc", "2.8.0", "BSD-3-Clause"],
      ["generic", "oneDNN", null, "Apache-2.0"],
    ]);
    expect(found.map((library) => packageUrl(library, null))).toEqual([
      "pkg:generic/hwloc@2.8.0",
      "pkg:generic/oneDNN",
    ]);
  });

  test.each(["{", "{}", "[null, 1, {}]"])("ignores %s", (text) => {
    expect(bundledLibraries({ texts: { [path]: text } })).toEqual([]);
  });
});
