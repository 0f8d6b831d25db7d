// Bundles the web page of the service: `dist/viewer/page` is what a server sends to the browser.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "dist", "viewer", "src");
const page = join(root, "dist", "viewer", "page");
const niivue = join(root, "node_modules", "@niivue", "niivue", "package.json");

const self = fileURLToPath(import.meta.url);

/**
 * Bundles what is missing or older than its sources. NiiVue is a bundle of its own, because it is much larger than the rest:
 * its file name holds a digest, so that browsers keep it.
 */
export async function bundlePage() {
  mkdirSync(page, { recursive: true });
  for (const name of readdirSync(join(root, "viewer", "page"))) {
    copyFileSync(join(root, "viewer", "page", name), join(page, name));
  }
  const library = readdirSync(page).find((name) => /^niivue-\w+\.js$/.test(name)) ?? "niivue.js";
  const isLibraryReady = isNewer(join(page, library), [niivue, self]);
  const isPageReady = isLibraryReady && isNewer(join(page, "page.js"), [...filesBelow(modules), self]);
  if (isLibraryReady && isPageReady) return;
  const esbuild = await import("esbuild-wasm");
  const common = { bundle: true, format: "esm", minify: true, target: "es2022", legalComments: "none" };
  try {
    const name = isLibraryReady ? library : await bundleLibrary(esbuild.build, common);
    await esbuild.build({
      ...common,
      entryPoints: [join(modules, "main.js")],
      outfile: join(page, "page.js"),
      alias: { "@niivue/niivue": `./${name}` },
      external: [`./${name}`],
    });
  } finally {
    await esbuild.stop();
  }
}

/** Returns the name of the bundle. */
async function bundleLibrary(build, common) {
  for (const name of readdirSync(page)) if (name.startsWith("niivue")) rmSync(join(page, name));
  const file = join(page, "niivue.js");
  const { metafile } = await build({
    ...common,
    stdin: {
      contents: 'export { DRAG_MODE, Niivue, NVImage, SHOW_RENDER } from "@niivue/niivue";',
      resolveDir: root,
    },
    outfile: file,
    metafile: true,
    // NiiVue reads Zarr with codecs of 1.4 MB. This page opens no Zarr.
    plugins: [withoutCodecs],
  });
  const names = Object.keys(metafile.inputs).map(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1],
  );
  const packages = [...new Set(names.filter((name) => name !== undefined))].sort();
  writeFileSync(join(page, "licences.txt"), packages.map(licenceOf).join("\n\n"));
  // An image's bill of materials lists them.
  writeFileSync(join(page, "packages.json"), `${JSON.stringify(packages.map(factsOf), null, 2)}\n`);
  const name = `niivue-${createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12)}.js`;
  renameSync(file, join(page, name));
  return name;
}

const withoutCodecs = {
  name: "without codecs",
  setup(build) {
    build.onResolve({ filter: /^numcodecs\// }, ({ path }) => ({ path, namespace: "left-out" }));
    build.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({ contents: "export default null;" }));
  },
};

function factsOf(name) {
  const path = join(root, "node_modules", name, "package.json");
  const { version, license, homepage } = JSON.parse(readFileSync(path, "utf8"));
  return { name, version, license, homepage };
}

function licenceOf(name) {
  const folder = join(root, "node_modules", name);
  const { version, license, homepage = "" } = factsOf(name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  // NiiVue's package lacks its licence.
  const path =
    file === undefined
      ? join(root, "viewer", "licences", `${name.split("/").at(-1)}.txt`)
      : join(folder, file);
  const text = readFileSync(path, "utf8").trim();
  return `${`${name} ${version} (${license}) ${homepage}`.trim()}\n\n${text}\n`;
}

const isNewer = (file, sources) =>
  existsSync(file) && sources.every((source) => statSync(source).mtimeMs <= statSync(file).mtimeMs);

const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".js"))
    .map((entry) => join(entry.parentPath, entry.name));

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await bundlePage();
