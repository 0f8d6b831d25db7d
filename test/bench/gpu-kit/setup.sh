#!/usr/bin/env bash
# Unpacks the kit on the GPU machine; needs no network. Run it in the folder that holds the pieces: bash setup.sh
# Makes ./kit. If the kit has nnU-Net, ./kit/venv is a Python environment with nnU-Net and this machine's own torch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cat kit.tar.xz.* | tar -xJ

if compgen -G "kit/wheels/*.whl" >/dev/null; then
  python3 -c 'import torch' || { echo "python3 has no torch; put a Python that has it first on the PATH" >&2; exit 1; }
  # Some systems have no ensurepip, so that the environment is filled with this machine's pip.
  python3 -m venv --system-site-packages --without-pip kit/venv
  python3 -m pip --python kit/venv/bin/python install --quiet --no-index --no-deps kit/wheels/*.whl
  kit/venv/bin/python -c 'import nnunetv2, torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)'
fi
kit/bin/node --version
