"""Writes small TIFF and BMP files, and the results of nnU-Net's own readers for them, into test/fixtures/tiff.

Run with a Python that has nnunetv2, tifffile, scikit-image, Pillow and SimpleITK:  python test/peer/tiff_fixtures.py
"""
import hashlib
import json
import os
import struct

import numpy as np
import SimpleITK as sitk
import tifffile
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO
from PIL import Image as Picture
from skimage.io import imsave

OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "tiff")
for old in set(os.listdir(OUT)) - {"README.md"}:
    os.remove(os.path.join(OUT, old))
rng = np.random.default_rng(4)


def values(dtype, *shape):
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 50, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(max(-1000, info.min), min(1000, info.max), shape).astype(dtype)


def tiff(name, array, **options):
    tifffile.imwrite(os.path.join(OUT, name), array, **options)


for dtype in (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.float32, np.float64):
    tiff(f"{np.dtype(dtype).name}.tif", values(dtype, 5, 6, 7))
    tiff(f"{np.dtype(dtype).name}_big_endian.tif", values(dtype, 5, 6, 7), byteorder=">", compression="zlib", predictor=dtype is not np.int64)
smooth = (np.indices((5, 24, 18)).sum(0) % 70).astype(np.uint16)
for compression in ("zlib", "lzw", "packbits"):
    tiff(f"{compression}.tiff", smooth, compression=compression)
    tiff(f"{compression}_rows.tif", smooth, compression=compression, rowsperstrip=7)
tiff("lzw_noise.tif", values(np.uint8, 2, 64, 90), compression="lzw")  # long enough to fill the table of codes several times
tiff("lzw_predictor.tif", smooth, compression="lzw", predictor=True)
tiff("rows.tif", smooth, rowsperstrip=3)
tiff("tiles.tif", smooth, tile=(16, 16))
tiff("tiles_zlib_predictor.tif", values(np.float32, 5, 24, 18), tile=(16, 16), compression="zlib", predictor=True)
tiff("bigtiff.tif", smooth, bigtiff=True)
tiff("bigtiff_big_endian.tif", smooth, bigtiff=True, byteorder=">", compression="zlib")
tiff("bits.tif", rng.random((5, 6, 13)) > 0.5)
tiff("one_slice.tif", values(np.int16, 1, 6, 7))
tiff("three_slices.tif", values(np.uint8, 3, 6, 7))
tiff("three_slices_zlib.tif", values(np.int16, 3, 6, 7), compression="zlib")
tiff("three_columns.tif", values(np.uint8, 5, 6, 3))
tiff("three_pages.tif", values(np.uint8, 3, 6, 7), metadata=None, photometric="minisblack")
tiff("pages.tif", values(np.uint8, 5, 6, 7), metadata=None)
tiff("imagej.tif", values(np.uint16, 5, 6, 7), imagej=True)
tiff("imagej_slices.tif", values(np.uint16, 5, 6, 7), imagej=True, metadata={"axes": "ZYX", "spacing": 3, "unit": "mm"})
tiff("imagej_channels.tif", values(np.uint16, 5, 2, 6, 7), imagej=True)
tiff("ome.ome.tif", values(np.uint16, 5, 6, 7), metadata={"axes": "ZYX"})
tiff("channels.ome.tif", values(np.uint16, 2, 5, 6, 7), metadata={"axes": "CZYX"})
tiff("rgb.ome.tif", values(np.uint8, 6, 7, 3), photometric="rgb", metadata={"axes": "YXS"})
tiff("truncated_stack.tif", values(np.int16, 5, 6, 7), metadata={"truncate": True}, photometric="minisblack")
tiff("flat8.tif", values(np.uint8, 6, 7))
tiff("flat16.tif", values(np.uint16, 6, 7), compression="zlib")
tiff("flat32.tif", values(np.float32, 6, 7))
tiff("rgb.tif", values(np.uint8, 6, 7, 3), photometric="rgb")
tiff("rgb16_zlib.tif", values(np.uint16, 6, 7, 3), photometric="rgb", compression="zlib", predictor=True)
tiff("rgb_planar.tif", values(np.uint8, 3, 6, 7), photometric="rgb", planarconfig="separate")
tiff("rgb_tiles.tif", values(np.uint8, 24, 18, 3), photometric="rgb", tile=(16, 16), compression="lzw")
tiff("rgba.tif", values(np.uint8, 6, 7, 4), photometric="rgb", extrasamples=["unassalpha"])
tiff("rgb_stack.tif", values(np.uint8, 5, 6, 7, 3), photometric="rgb")
tiff("white_is_zero.tif", values(np.uint8, 6, 7), photometric="miniswhite")
with tifffile.TiffWriter(os.path.join(OUT, "thumbnail.tif")) as writer:
    writer.write(values(np.uint8, 6, 7), metadata=None)
    writer.write(values(np.uint8, 3, 4), metadata=None)
with tifffile.TiffWriter(os.path.join(OUT, "pyramid.tif")) as writer:
    writer.write(values(np.uint8, 5, 40, 32), subifds=1, tile=(16, 16))
    writer.write(values(np.uint8, 5, 20, 16), subfiletype=1, tile=(16, 16))
with tifffile.TiffWriter(os.path.join(OUT, "two_images.tif")) as writer:
    writer.write(values(np.uint8, 6, 7))
    writer.write(values(np.uint8, 6, 7))
# ImageJ writes large stacks with one directory for all slices.
note = b"ImageJ=1.53t\nimages=4\nslices=4\n\0"
fields = [(256, 4, 1, 7), (257, 4, 1, 6), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (270, 2, len(note), 8)]
fields += [(273, 4, 1, 8 + len(note)), (277, 3, 1, 1), (278, 4, 1, 6), (279, 4, 1, 42)]
with open(os.path.join(OUT, "imagej_one_directory.tif"), "wb") as file:
    stack = values(np.uint8, 4, 6, 7).tobytes()
    file.write(b"II*\0" + struct.pack("<I", 8 + len(note) + len(stack)) + note + stack)
    file.write(struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields) + bytes(4))
image = sitk.GetImageFromArray(values(np.int16, 5, 6, 7))
image.SetSpacing((0.5, 0.7, 3))
sitk.WriteImage(image, os.path.join(OUT, "itk.tif"))
sitk.WriteImage(image[:, :, 0], os.path.join(OUT, "itk_flat.tif"))
photograph = Picture.fromarray(values(np.uint8, 6, 7, 3))
grey = values(np.uint8, 6, 7)
photograph.quantize(20).save(os.path.join(OUT, "palette.tif"))
# nnU-Net looks for <case>.json next to <case>_0000.tif.
tiff("spaced_0000.tif", values(np.int16, 5, 6, 7))
json.dump({"spacing": [2.5, 0.8, 0.7]}, open(os.path.join(OUT, "spaced.json"), "w"))

imsave(os.path.join(OUT, "grey.bmp"), grey, check_contrast=False)
photograph.save(os.path.join(OUT, "rgb.bmp"))
Picture.fromarray(values(np.uint8, 6, 7, 4)).save(os.path.join(OUT, "rgba.bmp"))
photograph.quantize(20).save(os.path.join(OUT, "palette.bmp"))
photograph.quantize(2).save(os.path.join(OUT, "two_colours.bmp"))
Picture.fromarray(grey > 99).save(os.path.join(OUT, "bits.bmp"))
header = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + 64)
ramp = b"".join(bytes([i * 9, i * 5, i * 16, 0]) for i in range(16))
with open(os.path.join(OUT, "four_bits_top_down.bmp"), "wb") as file:
    file.write(header + struct.pack("<IiiHHIIiiII", 40, 7, -3, 1, 4, 0, 12, 0, 0, 0, 0) + ramp)
    file.write(values(np.uint8, 12).tobytes())
with open(os.path.join(OUT, "os2.bmp"), "wb") as file:
    file.write(struct.pack("<2sIHHI", b"BM", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, 7, 3, 1, 24) + values(np.uint8, 72).tobytes())



def read(reader, name):
    """Returns what nnU-Net's reader reads, or null if it refuses the file."""
    try:
        data, properties = reader().read_images([os.path.join(OUT, name)])
    except (AssertionError, IndexError, RuntimeError, ValueError):
        return None
    digest = hashlib.sha256(data.astype("<f4").tobytes()).hexdigest()
    return {"shape": list(data.shape), "spacingZyx": list(properties["spacing"]), "sha256": digest}


expected = {}
for name in sorted(os.listdir(OUT)):
    if not name.endswith((".json", ".md")):
        readers = [NaturalImage2DIO] + [Tiff3DIO] * (".tif" in name) + [SimpleITKIO] * name.startswith("itk")
        expected[name] = {reader.__name__: read(reader, name) for reader in readers}
with open(os.path.join(OUT, "expected.json"), "w") as file:
    json.dump(expected, file, indent=1)
