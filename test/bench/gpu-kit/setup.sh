#!/usr/bin/env bash
# Unpacks the kit on the GPU machine; needs no network. Run it in the folder that holds the pieces: bash setup.sh
# Result: ./kit, with a Python environment that adds nnU-Net to this machine's own torch where the kit brings nnU-Net.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cat kit.tar.xz.* | tar -xJ

if compgen -G "kit/wheels/*.whl" >/dev/null; then
  python3 -c 'import torch' || { echo "python3 has no torch here: name one that has, by PATH" >&2; exit 1; }
  # This machine's pip fills the environment, because some systems leave ensurepip out.
  python3 -m venv --system-site-packages --without-pip kit/venv
  python3 -m pip --python kit/venv/bin/python install --quiet --no-index --no-deps kit/wheels/*.whl
  kit/venv/bin/python -c 'import nnunetv2, torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)'
fi
kit/bin/node --version
