"""Writes small images with SimpleITK and nibabel, and what SimpleITK reads from each, into test/fixtures/images.

Run with a Python that has SimpleITK, nibabel, numpy and scikit-image:  python test/peer/image_fixtures.py
"""
import json
import os

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from skimage.io import imread, imsave

OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "images")
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(3)
oblique = [0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0]
flipped = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0]
expected = {}


def record(name, channels=None):
    image = sitk.ReadImage(os.path.join(OUT, name))
    array = sitk.GetArrayFromImage(image).astype(np.float64)
    if channels:
        array = np.moveaxis(array, -1, 0)
    spacing, origin, direction = image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    expected[name] = {
        "shape": list(array.shape),
        "values": [float(v) for v in array.ravel()],
        "spacingXyz": list(spacing[:3]),
        "originXyz": list(origin[:3]),
        "direction": list(direction) if image.GetDimension() == 3 else None,
    }


def volume(dtype, direction=oblique, shape=(3, 4, 5)):
    info = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None
    array = rng.integers(max(-1000, info.min), min(1000, info.max), shape) if info else rng.normal(0, 50, shape)
    image = sitk.GetImageFromArray(array.astype(dtype))
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-12.5, 30.25, 7.0))
    image.SetDirection(direction)
    return image


for dtype in (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64):
    for ending in (".nii.gz", ".mha", ".nrrd"):
        name = f"{np.dtype(dtype).name}{ending}"
        sitk.WriteImage(volume(dtype), os.path.join(OUT, name), useCompression=ending != ".mha")
        record(name)
sitk.WriteImage(volume(np.int16, flipped), os.path.join(OUT, "flipped.nii"))
record("flipped.nii")
sitk.WriteImage(volume(np.int16, flipped), os.path.join(OUT, "compressed.mha"), useCompression=True)
record("compressed.mha")
sitk.WriteImage(volume(np.int16, flipped), os.path.join(OUT, "detached.mhd"))
record("detached.mhd")
flat = sitk.GetImageFromArray(rng.integers(0, 255, (4, 5)).astype(np.uint8))
flat.SetSpacing((0.5, 0.25))
for ending in (".mha", ".nrrd", ".nii.gz"):
    sitk.WriteImage(flat, os.path.join(OUT, f"flat{ending}"))
    record(f"flat{ending}")

# Every pair of orientation codes, in both versions of the format where ITK reads them.
affine_q = np.diag([0.7, 0.8, 2.5, 1.0])
affine_q[:3, 3] = (1, 2, 3)
affine_s = affine_q @ np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
affine_s[:3, 3] = (-4, -5, -6)
for q in (0, 1, 2):
    for s in (0, 1, 2):
        image = nib.Nifti1Image(rng.integers(-99, 99, (5, 4, 3)).astype(np.int16), affine_q)
        image.header.set_qform(affine_q, code=q)
        image.header.set_sform(affine_s, code=s)
        name = f"codes_q{q}_s{s}.nii"
        nib.save(image, os.path.join(OUT, name))
        record(name)
scaled = nib.Nifti1Image(rng.integers(0, 99, (5, 4, 3)).astype(np.int16), affine_q)
scaled.header.set_slope_inter(0.5, -3)
nib.save(scaled, os.path.join(OUT, "scaled.nii"))
record("scaled.nii")
big = nib.Nifti1Image(rng.integers(-99, 99, (5, 4, 3)).astype(">i2"), affine_q, nib.Nifti1Header(endianness=">"))
nib.save(big, os.path.join(OUT, "big_endian.nii"))
record("big_endian.nii")
second = nib.Nifti2Image(rng.integers(-99, 99, (5, 4, 3)).astype(np.int16), affine_q)
nib.save(second, os.path.join(OUT, "version2.nii"))
data = np.asarray(second.dataobj).transpose(2, 1, 0).astype(float)
expected["version2.nii"] = {  # ITK cannot read it: values from nibabel, geometry as for version 1.
    **{"shape": list(data.shape), "values": data.ravel().tolist()},
    **{"spacingXyz": [0.7, 0.8, 2.5], "originXyz": [-1, -2, 3], "direction": [-1, 0, 0, 0, -1, 0, 0, 0, 1]},
}

for name, array in (
    ("grey8.png", rng.integers(0, 255, (4, 5)).astype(np.uint8)),
    ("grey16.png", rng.integers(0, 65535, (4, 5)).astype(np.uint16)),
    ("rgb.png", rng.integers(0, 255, (4, 5, 3)).astype(np.uint8)),
    ("rgba.png", rng.integers(0, 255, (4, 5, 4)).astype(np.uint8)),
):
    imsave(os.path.join(OUT, name), array, check_contrast=False)
    read = imread(os.path.join(OUT, name))
    channels = read[None] if read.ndim == 2 else np.moveaxis(read, -1, 0)
    expected[name] = {
        **{"shape": list(channels.shape), "values": [float(v) for v in channels.ravel()]},
        **{"spacingXyz": [1, 1], "originXyz": [0, 0], "direction": None},
    }
json.dump(expected, open(os.path.join(OUT, "expected.json"), "w"))
