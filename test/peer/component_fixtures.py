"""Writes small label maps with the results of nnU-Net v2's post-processing and of v1's (scipy's 6-connectivity), and masks
with the results of scipy's binary_fill_holes, which nnU-Net uses.

Run with a Python that has nnunetv2:  python test/peer/component_fixtures.py
"""
import json
import os

import numpy as np
from nnunetv2.postprocessing.remove_connected_components import remove_all_but_largest_component_from_segmentation
from scipy.ndimage import binary_fill_holes, label

OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "components")
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(5)


def as_v1(segmentation, labels, sparing):
    """Applies the rule of nnU-Net v1's remove_all_but_the_largest_connected_component for one entry of for_which_classes."""
    mask = np.isin(segmentation, labels)
    components, count = label(mask)
    sizes = np.bincount(components.ravel(), minlength=count + 1)
    result = segmentation.copy()
    for component in range(1, count + 1):
        is_small = sparing is None or sizes[component] * sparing["voxelVolumeMm3"] < sparing["minimumMm3"]
        if sizes[component] != sizes[1:].max() and is_small:
            result[components == component] = 0
    return result


cases = []
for shape in [(4, 5, 6), (1, 12, 13), (7, 1, 9), (9, 8, 1), (5, 6, 11)]:
    for density in [0.15, 0.3, 0.5, 0.9]:
        segmentation = (rng.random(shape) < density) * rng.integers(1, 4, shape)
        for labels in [[1, 2, 3], [2], [1, 3]]:
            cases.append((segmentation.astype(np.uint8), labels, None))
        cases.append((segmentation.astype(np.uint8), [1, 2], dict(voxelVolumeMm3=0.7, minimumMm3=2.1)))
cases.append((np.zeros((3, 4, 5), np.uint8), [1], None))
cases.append((np.ones((3, 4, 5), np.uint8), [1], None))

written = []
for segmentation, labels, sparing in cases:
    six = as_v1(segmentation, labels, sparing)
    full = None
    if sparing is None:
        full = remove_all_but_largest_component_from_segmentation(segmentation, list(labels)).ravel().tolist()
    written.append(
        dict(
            sizeZyx=segmentation.shape,
            labels=labels,
            sparing=sparing,
            voxels="".join(map(str, segmentation.ravel())),
            faces="".join(map(str, six.ravel())),
            corners=None if full is None else "".join(map(str, full)),
            faceComponents=int(label(np.isin(segmentation, labels))[1]),
            cornerComponents=int(label(np.isin(segmentation, labels), np.ones((3, 3, 3)))[1]),
        )
    )
with open(os.path.join(OUT, "components.json"), "w") as file:
    json.dump(written, file, separators=(",", ":"))

masks = []
for shape in [(5, 6, 7), (3, 3, 3), (1, 7, 8), (7, 1, 8), (7, 8, 1), (6, 9, 11)]:
    for density in [0.5, 0.7, 0.85]:
        mask = rng.random(shape) < density
        filled = binary_fill_holes(mask)
        masks.append(
            dict(
                sizeZyx=shape,
                mask="".join(map(str, mask.astype(int).ravel())),
                filled="".join(map(str, filled.astype(int).ravel())),
            )
        )
with open(os.path.join(OUT, "holes.json"), "w") as file:
    json.dump(masks, file, separators=(",", ":"))
