import { type ImageLayer, type ImagePlan, layerFile } from "../../../src/image/image-plan.js";

/** Returns a small, complete image plan with a test's changes. */
export const testPlan = (changes: Partial<ImagePlan> = {}): ImagePlan => ({
  imageName: "nnunet-processor-test/plan:1",
  base: { kind: "image", imageName: "base:1" },
  platform: "linux/amd64",
  layers: [textLayer("first", { "opt/first.txt": "1" }), textLayer("second", { "opt/second.txt": "2" })],
  env: { NODE_ENV: "production", GREETING: 'a "quoted" $word' },
  labels: { "org.example.first": "1", "org.example.second": 'back\\slash, "quotes", $HOME' },
  user: "1000:1000",
  workingDir: "/",
  entrypoint: ["/usr/local/bin/node", "/opt/main.js"],
  command: ["--flag"],
  ...changes,
});

export const textLayer = (name: string, texts: Readonly<Record<string, string>>): ImageLayer => ({
  name,
  entries: Object.entries(texts).map(([path, text]) => layerFile(path, { text })),
});
