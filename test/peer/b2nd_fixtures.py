"""Writes small arrays with Blosc 2's own library, in every codec that it has, into test/fixtures/b2nd.

usage: b2nd_fixtures.py OUTPUT_FOLDER
Each array counts: value = index modulo 251, minus 1; it is stored in chunks and blocks that do not divide its shape.
"""
import sys

import blosc2
import numpy as np

SHAPE, CHUNKS, BLOCKS = (1, 6, 13, 18), (1, 6, 9, 12), (1, 4, 8, 8)
for codec in ("LZ4", "LZ4HC", "ZSTD", "ZLIB", "BLOSCLZ"):
    for name in ("NOFILTER", "SHUFFLE"):
        for dtype in ("f4", "i2"):
            array = (np.arange(np.prod(SHAPE)) % 251 - 1).astype(dtype).reshape(SHAPE)
            blosc2.asarray(
                array, urlpath=f"{sys.argv[1]}/{codec}_{name}_{dtype}.b2nd", mode="w", chunks=CHUNKS, blocks=BLOCKS,
                cparams={"codec": getattr(blosc2.Codec, codec), "filters": [getattr(blosc2.Filter, name)], "clevel": 5},
            )
for name, value in (("zeros", 0.0), ("nan", np.nan), ("constant", 3.25)):
    blosc2.asarray(np.full(SHAPE, value, "f4"), urlpath=f"{sys.argv[1]}/{name}.b2nd", mode="w", chunks=CHUNKS, blocks=BLOCKS)
