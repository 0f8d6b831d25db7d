"""Writes what nnU-Net's Primus computes with weights that a rule makes: OUTPUT/primus_<name>.json and .logits.gz.

Usage: primus_fixtures.py OUTPUT [full]. With `full`, L has all of its 24 blocks, which needs 6 GB. Needs torch, timm and
dynamic-network-architectures. test/support/model/seeded-weights.ts has the same rule.
"""

import gzip
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
from dynamic_network_architectures.architectures.primus import Primus

output = Path(sys.argv[1])
sizes = {"s": (396, 12, 6, (16, 24, 16), 2, 3), "l": (1056, 2, 16, (16, 16, 24), 1, 2)}
if "full" in sys.argv[2:]:
    sizes = {"l_full": (1056, 24, 16, (16, 16, 24), 1, 2)}


def seeded(name, shape):
    count = int(np.prod(shape))
    h = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(zlib.crc32(name.encode()))
    h ^= h >> np.uint32(15)
    h *= np.uint32(2246822519)
    h ^= h >> np.uint32(13)
    u = h.astype(np.float64) / 2**32 - 0.5
    if name == "input":
        values = 4 * u
    elif len(shape) == 1 and name.endswith("weight"):
        values = 1 + 0.4 * u
    elif "gamma" in name:
        values = 0.1 + 0.1 * u
    elif len(shape) == 1 or name == "eva.pos_embed":
        values = 0.4 * u
    else:
        fan = shape[0] if name.startswith("up_projection") else int(np.prod(shape[1:]))
        values = 2 * u * np.sqrt(3 / fan)
    return values.astype(np.float32).reshape(shape)


for name, (embedding, depth, heads, patch, channels, classes) in sizes.items():
    model = Primus(
        channels, embedding, (8, 8, 8), classes, depth, heads, patch, drop_path_rate=0.2, scale_attn_inner=True, init_values=0.1
    ).eval()
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict({key: torch.from_numpy(seeded(key, shape)) for key, shape in shapes.items()})
    with torch.no_grad():
        logits = model(torch.from_numpy(seeded("input", (1, channels, *patch)))).numpy()
    (output / f"primus_{name}.json").write_text(
        json.dumps({"patch": patch, "channels": channels, "classes": classes, "shapes": shapes})
    )
    with gzip.GzipFile(output / f"primus_{name}.logits.gz", "wb", mtime=0) as file:
        file.write(logits.astype("<f4").tobytes())
    print(name, logits.min(), logits.max(), logits.std())
