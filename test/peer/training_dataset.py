"""Writes a raw nnU-Net dataset of synthetic volumes: python test/peer/training_dataset.py FOLDER

Six cases of 32 x 32 x 32 voxels for training and two of other sizes to predict. A case is noise with two bright balls,
one for each label. The same seed gives the same dataset.
"""

import json
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

rng = np.random.default_rng(12)


def volume(size):
    grid = np.indices(size)
    image = rng.normal(-100, 30, size)
    labels = np.zeros(size, np.uint8)
    for label in (1, 2):
        radius = rng.uniform(4, 7)
        centre = [rng.uniform(radius, length - radius) for length in size]
        distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre)))
        image[distance < radius] += 150 * label
        labels[distance < radius] = label
    return image.astype(np.int16), labels


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.9, 0.9, 1.3))
    image.SetOrigin((-12.5, 3, 40))
    sitk.WriteImage(image, str(path))


out = Path(sys.argv[1])
for i in range(6):
    image, labels = volume((32, 32, 32))
    write(out / "imagesTr" / f"ball_{i}_0000.nii.gz", image)
    write(out / "labelsTr" / f"ball_{i}.nii.gz", labels)
for i, size in enumerate([(32, 32, 32), (40, 35, 27)]):
    write(out / "imagesTs" / f"test_{i}_0000.nii.gz", volume(size)[0])
(out / "dataset.json").write_text(json.dumps({
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "small": 1, "bright": 2},
    "numTraining": 6,
    "file_ending": ".nii.gz",
}))
