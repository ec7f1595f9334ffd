"""PyTorch makes a ResNet-20, its input and its logits, and hookcam's program compares. Ends with 77 where it is not installed.

    docs_pytorch.py examples/docs/pytorch_weights.py PROGRAM
"""

import subprocess
import sys
import tempfile

try:
    import numpy  # noqa: F401
    import torch  # noqa: F401
except ImportError:
    print("skipped: PyTorch is not installed; name a Python that has it by -D HOOKCAM_PYTHON=...")
    sys.exit(77)

script, program = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, script, folder], check=True)
    files = [f"{folder}/{name}" for name in ("resnet20.pth", "x.npy", "logits.npy")]
    sys.exit(subprocess.run([program, "resnet20", *files]).returncode)
