"""The orientation that ITK writes into NIfTI headers.

Writes test/fixtures/itk-orientations.json. Run with a Python that has SimpleITK, nibabel and scipy:  python test/peer/itk_orientations.py
"""

import json
import pathlib
import tempfile

import nibabel
import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

sitk.ProcessObject.SetGlobalWarningDisplay(False)
random = np.random.RandomState(0)
found = []
for k in range(24):
    direction = Rotation.random(random_state=k).as_matrix()
    if k % 2:
        direction = direction @ np.diag([1, 1, -1])
    if k % 5 == 0:
        direction = np.round(direction, k % 4 + 2)
    if k % 7 == 0:
        draws = np.random.RandomState(k)
        direction = np.eye(3)[list(draws.permutation(3))] * draws.choice([-1, 1], 3)
    spacing = random.uniform(0.3, 3, 3)
    image = sitk.GetImageFromArray(np.zeros((3, 4, 5), np.float32))
    image.SetSpacing(spacing.tolist())
    image.SetDirection([float(value) for value in direction.ravel()])
    with tempfile.TemporaryDirectory() as folder:
        sitk.WriteImage(image, f"{folder}/image.nii")
        header = nibabel.load(f"{folder}/image.nii").header
    found.append(
        {
            "direction": [float(value) for value in direction.ravel()],
            "spacing": spacing.tolist(),
            "srow": [float(value) for row in "xyz" for value in header[f"srow_{row}"][:3]],
            "quaternion": [float(header[f"quatern_{part}"]) for part in "bcd"],
            "qfac": float(header["pixdim"][0]),
        }
    )
lines = ",\n".join("  " + json.dumps(entry) for entry in found)
target = pathlib.Path(__file__).parent.parent / "fixtures" / "itk-orientations.json"
target.write_text(f"[\n{lines}\n]\n")
