"""Writes small images with SimpleITK and nibabel, and what SimpleITK reads from each, into test/fixtures/images.

Run with a Python that has SimpleITK, nibabel, numpy and scikit-image:  python test/peer/image_fixtures.py
"""
import gzip
import json
import os
import struct
import zlib

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from PIL import Image as Picture
from scipy.spatial.transform import Rotation
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
        "direction": None if image.GetDimension() == 2 else np.reshape(direction, (image.GetDimension(), -1))[:3, :3].ravel().tolist(),
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

# Every pair of orientation codes, in each version of the format that ITK reads.
affine_q = np.diag([0.7, 0.8, 2.5, 1.0])
affine_q[:3, 3] = (1, 2, 3)
affine_s = affine_q @ np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
affine_s[:3, 3] = (-4, -5, -6)
for q in (0, 1, 2):
    for s in (0, 1, 2):
        image = nib.Nifti1Image(rng.integers(-99, 99, (5, 4, 3)).astype(np.int16), affine_q)
        image.header.set_qform(affine_q, code=q)
        name = f"codes_q{q}_s{s}.nii"
        nib.save(image, os.path.join(OUT, name))
        # nibabel.save would make both forms agree.
        header = image.header.copy()
        header.set_qform(affine_q, code=q)
        header.set_sform(affine_s, code=s)
        with open(os.path.join(OUT, name), "r+b") as file:
            file.write(header.binaryblock[:108])
            file.seek(252)
            file.write(header.binaryblock[252:328])
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
expected["version2.nii"] = {  # ITK cannot read it, so the values come from nibabel and the geometry is that of version 1.
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

# Variants that other programs write.
def put(name, *parts):
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(b"".join(parts))


def nifti(name, array, qform, sform=None, codes=(1, 1), **fields):
    """Writes a NIfTI file without nibabel's own corrections."""
    header = nib.Nifti1Image(array, qform, dtype=array.dtype).header.copy()
    header.set_qform(qform, code=codes[0])
    header.set_sform(qform if sform is None else sform, code=codes[1])
    for key, value in fields.items():
        header[key] = value
    header["magic"], header["vox_offset"] = b"n+1", 352
    put(name, header.binaryblock, bytes(4), array.tobytes("F"))
    record(name)


def turned(seed):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=seed).as_matrix() @ np.diag([0.7, 0.8, -2.5 if seed % 2 else 2.5])
    affine[:3, 3] = rng.normal(0, 100, 3)
    return affine


short = lambda *shape: rng.integers(-99, 99, shape).astype(np.int16)
for seed in (0, 1):
    affine = turned(seed)
    for codes in ((1, 0), (0, 1), (0, 2), (1, 2), (2, 1)):
        nifti(f"turned{seed}_q{codes[0]}_s{codes[1]}.nii", short(5, 4, 3), affine, codes=codes)
for angle in (1e-5, 1e-2):  # ITK uses the sform only if its axes are at right angles
    sheared = affine_q.copy()
    sheared[0, 1] = angle
    nifti(f"sheared_{angle}.nii", short(5, 4, 3), affine_q, sheared)
nifti("slope_zero.nii", short(5, 4, 3), affine_q, scl_slope=0, scl_inter=5)
nifti("slope_nan.nii", short(5, 4, 3), affine_q, scl_slope=np.nan, scl_inter=5)
nifti("intercept_nan.nii", short(5, 4, 3), affine_q, scl_slope=2, scl_inter=np.nan)
nifti("micrometres.nii", short(5, 4, 3), affine_q, xyzt_units=3)
nifti("metres.nii", short(5, 4, 3), affine_q, xyzt_units=1)
nifti("one_slice.nii", short(5, 4, 1), affine_q)
nifti("one_volume.nii", short(5, 4, 3, 1), affine_q)
nifti("uncompressed.nii.gz", short(5, 4, 3), affine_q)
plain = open(os.path.join(OUT, "turned0_q1_s0.nii"), "rb").read()
put("two_members.nii.gz", gzip.compress(plain[:400], mtime=0), gzip.compress(plain[400:], mtime=0))
record("two_members.nii.gz")
for dtype in (np.int64, np.uint64):
    for ending in (".nii", ".mha", ".nrrd"):
        image = sitk.Cast(volume(np.int16), sitk.sitkInt64)
        sitk.WriteImage(sitk.Cast(image * image, sitk.sitkInt64 if dtype is np.int64 else sitk.sitkUInt64), os.path.join(OUT, f"{dtype.__name__}{ending}"))
        record(f"{dtype.__name__}{ending}")
vector = sitk.GetImageFromArray(short(3, 4, 5, 2), isVector=True)
for ending in (".mha", ".nrrd"):
    sitk.WriteImage(vector, os.path.join(OUT, f"vector{ending}"))
    record(f"vector{ending}", channels=True)

data = short(60).astype("<i2")
def metaimage(name, fields="", spacing="ElementSpacing = 0.7 0.8 2.5", data_file="LOCAL", voxels=data.tobytes()):
    start = "ObjectType = Image\nNDims = 3\nBinaryData = True\n"
    end = f"DimSize = 5 4 3\nElementType = MET_SHORT\nElementDataFile = {data_file}\n"
    put(name, f"{start}{fields}\n{spacing}\n{end}".replace("\n\n", "\n").encode(), voxels)
    record(name)


metaimage("rotation_position.mha", "Rotation = 0 1 0 1 0 0 0 0 -1\nPosition = 1 2 3")
metaimage("orientation_origin.mha", "Orientation = 0 1 0 0 0 1 1 0 0\nOrigin = 1 2 3")
metaimage("element_size.mha", spacing="ElementSize = 2 3 4")
metaimage("negative_spacing.mha", spacing="ElementSpacing = -0.7 0.8 2.5")
metaimage("no_spacing.mha", spacing="")
metaimage("intensity_slope.mha", "ElementToIntensityFunctionSlope = 2")
metaimage("big_endian.mha", "BinaryDataByteOrderMSB = True", voxels=data.astype(">i2").tobytes())
put("with_header.raw", b"12345678", data.tobytes())
metaimage("header_size.mhd", "HeaderSize = 8", data_file="with_header.raw", voxels=b"")
metaimage("data_at_end.mhd", "HeaderSize = -1", data_file="with_header.raw", voxels=b"")


def nrrd(name, fields, voxels=data.tobytes(), channels=None):
    put(name, f"NRRD0004\ntype: short\nencoding: raw\nendian: little\n{fields}\n\n".encode(), voxels)
    record(name, channels)


space = "space directions: (0,0.7,0) (0.8,0,0) (0, 0, -2.5)\nspace origin: (1,2,3)"
for name in ("left-posterior-superior", "right-anterior-superior", "LAS", "RAS", "scanner-xyz"):
    nrrd(f"{name}.nrrd", f"dimension: 3\nspace: {name}\nsizes: 5 4 3\n{space}")
nrrd("spacings.nrrd", "dimension: 3\nsizes: 5 4 3\nspacings: 0.7 0.8 2.5")
nrrd("bare.nrrd", "dimension: 3\nsizes: 5 4 3")
nrrd("colours.nrrd", "dimension: 4\nsizes: 3 5 2 2\nkinds: RGB-color domain domain domain", channels=True)
nrrd("vector_spacings.nrrd", "dimension: 4\nsizes: 2 5 3 2\nkinds: vector domain domain domain\nspacings: nan 0.7 0.8 2.5", channels=True)
nrrd("skipped_bytes.nrrd", "dimension: 3\nsizes: 5 4 3\nbyte skip: 8", b"12345678" + data.tobytes())
nrrd("bytes_at_end.nrrd", "dimension: 3\nsizes: 5 4 3\nbyte skip: -1", b"12345678" + data.tobytes())


def png(name, depth, colour, rows):
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    size = struct.pack(">IIBBBBB", len(rows[0]) * 8 // depth // samples, len(rows), depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    put(name, b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", size), chunk(b"IDAT", pixels), chunk(b"IEND", b""))


photograph = Picture.fromarray(rng.integers(0, 255, (6, 7, 3)).astype(np.uint8))
grey = rng.integers(0, 255, (6, 7)).astype(np.uint8)
photograph.quantize(20).save(os.path.join(OUT, "palette.png"))
photograph.quantize(4).save(os.path.join(OUT, "palette_2bit.png"), bits=2)
photograph.quantize(20).save(os.path.join(OUT, "palette_transparent.png"), transparency=3)
Picture.fromarray(grey).save(os.path.join(OUT, "grey_transparent.png"), transparency=int(grey[0, 0]))
photograph.save(os.path.join(OUT, "rgb_transparent.png"), transparency=photograph.getpixel((0, 0)))
Picture.fromarray(grey > 99).save(os.path.join(OUT, "grey_1bit.png"))
Picture.fromarray(np.dstack([grey, grey[::-1]])).save(os.path.join(OUT, "grey_opacity.png"))
png("grey_2bit.png", 2, 0, [b"\x1b", b"\xe4"])
png("grey_4bit.png", 4, 0, [b"\x12\x3f", b"\xab\xcd"])
png("rgb16.png", 16, 2, [bytes(range(0, 240, 20)), bytes(range(100, 112))])
png("grey16_opacity.png", 16, 4, [bytes(range(0, 160, 20)), bytes(range(100, 108))])
for name in sorted(os.listdir(OUT)):
    if name.endswith(".png") and name not in expected:
        read = imread(os.path.join(OUT, name)).astype(np.uint8)
        channels = read[None] if read.ndim == 2 else np.moveaxis(read, -1, 0)
        expected[name] = {
            **{"shape": list(channels.shape), "values": [float(v) for v in channels.ravel()]},
            **{"spacingXyz": [1, 1], "originXyz": [0, 0], "direction": None},
        }
# GIPL has no direction, and SimpleITK writes a flat image as one slice.
for name, image in (
    ("float32.gipl", volume(np.float32)),
    ("int16.gipl.gz", volume(np.int16)),
    ("flat.gipl", flat),
):
    sitk.WriteImage(image, os.path.join(OUT, name))
    record(name)
json.dump(expected, open(os.path.join(OUT, "expected.json"), "w"))
