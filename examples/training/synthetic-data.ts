/**
 * Writes a small data set in the form of the Medical Segmentation Decathlon, for the tutorials:
 *
 *     node dist/examples/training/synthetic-data.js hippocampus Task04_Hippocampus
 *     node dist/examples/training/synthetic-data.js prostate Task05_Prostate
 *
 * Each case is noise with two touching ellipsoids, one for each label. The same command writes the same voxels.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeNifti } from "./nifti-file.js";
import { RandomNumbers } from "./random-numbers.js";

interface Organ {
  readonly name: string;
  readonly channels: readonly string[];
  readonly labels: readonly [first: string, second: string];
  readonly size: readonly [x: number, y: number, z: number];
  readonly spacingMm: readonly [x: number, y: number, z: number];
  /** For each channel: the mean intensity of background and both labels. */
  readonly intensities: readonly (readonly [number, number, number])[];
}

const organs: Readonly<Record<string, Organ>> = {
  hippocampus: {
    name: "Hippocampus",
    channels: ["MRI"],
    labels: ["Anterior", "Posterior"],
    size: [36, 48, 36],
    spacingMm: [1, 1, 1],
    intensities: [[200, 400, 600]],
  },
  prostate: {
    name: "Prostate",
    channels: ["T2", "ADC"],
    labels: ["PZ", "TZ"],
    size: [64, 64, 16],
    spacingMm: [1, 1, 3.6],
    intensities: [
      [250, 600, 400],
      [900, 1500, 1200],
    ],
  },
};

const trainingCases = 10;
const testCases = 2;
const noise = 0.15;

interface SyntheticCase {
  readonly size: readonly [x: number, y: number, z: number];
  /** All voxels of the first channel, then those of the next. */
  readonly intensities: Int16Array;
  readonly labels: Uint8Array;
}

function syntheticCase(organ: Organ, random: RandomNumbers): SyntheticCase {
  const size = organ.size.map((length) => length + Math.floor(random.between(-2, 3))) as [
    number,
    number,
    number,
  ];
  const centre = size.map((length) => length / 2 + random.between(-0.08, 0.08) * length);
  const radius = size.map((length) => length * random.between(0.22, 0.3));
  const labels = new Uint8Array(size[0] * size[1] * size[2]);
  for (let i = 0; i < labels.length; i++) {
    const place = [i % size[0], Math.floor(i / size[0]) % size[1], Math.floor(i / (size[0] * size[1]))];
    const squares = place.map((value, axis) => ((value - centre[axis]!) / radius[axis]!) ** 2);
    // The front half of the ellipsoid has the first label, the other half the second.
    if (squares[0]! + squares[1]! + squares[2]! < 1) labels[i] = place[1]! < centre[1]! ? 1 : 2;
  }
  const intensities = new Int16Array(labels.length * organ.channels.length);
  organ.intensities.forEach((means, channel) => {
    labels.forEach((label, i) => {
      const mean = means[label]!;
      intensities[channel * labels.length + i] = Math.max(0, Math.round(mean * (1 + noise * random.noise())));
    });
  });
  return { size, intensities, labels };
}

function writeDataset(organ: Organ, folder: string): void {
  const random = new RandomNumbers(4);
  for (const name of ["imagesTr", "labelsTr", "imagesTs"]) mkdirSync(join(folder, name), { recursive: true });
  const fileOf = (number: number) => `${organ.name.toLowerCase()}_${String(number).padStart(3, "0")}.nii.gz`;
  const numbers = Array.from({ length: trainingCases + testCases }, (_, i) => i + 1);
  for (const number of numbers) {
    const { size, intensities, labels } = syntheticCase(organ, random);
    const { spacingMm } = organ;
    const imageSize = organ.channels.length === 1 ? size : [...size, organ.channels.length];
    const isTraining = number <= trainingCases;
    const image = join(folder, isTraining ? "imagesTr" : "imagesTs", fileOf(number));
    writeNifti(image, { size: imageSize, spacingMm, voxels: intensities });
    if (isTraining) writeNifti(join(folder, "labelsTr", fileOf(number)), { size, spacingMm, voxels: labels });
  }
  const training = numbers.slice(0, trainingCases).map((number) => ({
    image: `./imagesTr/${fileOf(number)}`,
    label: `./labelsTr/${fileOf(number)}`,
  }));
  const test = numbers.slice(trainingCases).map((number) => `./imagesTs/${fileOf(number)}`);
  const description = {
    name: organ.name,
    description: "Synthetic: two touching ellipsoids in noise",
    tensorImageSize: organ.channels.length === 1 ? "3D" : "4D",
    modality: Object.fromEntries(organ.channels.map((channel, i) => [String(i), channel])),
    labels: { 0: "background", 1: organ.labels[0], 2: organ.labels[1] },
    ...{ numTraining: training.length, numTest: test.length, training, test },
  };
  writeFileSync(join(folder, "dataset.json"), `${JSON.stringify(description, null, 2)}\n`);
}

const [organName, folder] = process.argv.slice(2);
const organ = Object.hasOwn(organs, organName ?? "") ? organs[organName!] : undefined;
if (organ === undefined || folder === undefined) {
  console.error(`usage: synthetic-data.js ${Object.keys(organs).join("|")} FOLDER`);
  process.exitCode = 2;
} else {
  writeDataset(organ, folder);
  console.log(`${folder}: ${trainingCases} cases for training, ${testCases} to segment`);
}
