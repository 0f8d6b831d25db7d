import { reorients } from "../../contract/reader-class.js";
import { fillAround } from "../../imaging/volume/cropped-grid.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import { turnToRas, turnVoxels } from "../../imaging/volume/reorient.js";
import { type HeadsScratch, placedIn } from "./heads-scratch.js";
import type { AnswerFacts } from "./output-kind.js";

/** Reads the probabilities of one head, and puts them on the image's own grid. */
export async function headOnImageGrid(
  scratch: HeadsScratch,
  head: number,
  { history, plan, labels, image, crop }: AnswerFacts,
): Promise<Float32Array> {
  const grid = {
    sizeZyx: history.originalGeometry.sizeZyx,
    boxZyx: history.cropBoxZyx,
    transposeForward: plan.transposeForward,
  };
  const outside = labels.regionsClassOrder === null && head === 0 ? 1 : 0;
  const placed = placedIn(grid, { cropped: await scratch.readHead(head), outside });
  const { geometry } = crop ?? image;
  const turned = reorients(plan.imageReader) ? turnedBack(placed, geometry) : placed;
  return crop === null ? turned : fillAround(turned, crop, outside);
}

function turnedBack(placed: Float32Array, geometry: Geometry): Float32Array {
  const plain = new Float32Array(placed.length);
  const turn = turnToRas(geometry);
  turnVoxels({ plain, turned: placed, sizeZyx: geometry.sizeZyx, turn, writes: "plain" });
  return plain;
}
