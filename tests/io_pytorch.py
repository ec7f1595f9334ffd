"""PyTorch and safetensors read what hookcam writes: io_pytorch.py PROGRAM, where PROGRAM is io_pytorch.cpp, compiled.

Ends with 77, which is CTest's "skipped", where one of the two is not installed.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
    import safetensors
    import safetensors.torch
    import torch
except ImportError as missing:
    print(f"skipped: {missing} for {sys.executable}; -D HOOKCAM_PYTHON=PATH names another Python")
    sys.exit(77)

TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


def network():
    """The network of io_pytorch.cpp."""

    def block():
        return torch.nn.Sequential(
            collections.OrderedDict(conv=torch.nn.Conv2d(4, 4, 3, padding=1, bias=False), bn=torch.nn.BatchNorm2d(4))
        )

    layers = collections.OrderedDict(
        stem=torch.nn.Conv2d(3, 4, 3),
        relu=torch.nn.ReLU(),
        blocks=torch.nn.Sequential(block(), block()),
        pool=torch.nn.AdaptiveAvgPool2d(2),
        flatten=torch.nn.Flatten(),
        fc=torch.nn.Linear(16, 5),
    )
    return torch.nn.Sequential(layers)


def raw(tensor):
    return tensor.flatten().view(torch.uint8)


def read(path):
    if path.suffix == ".safetensors":
        with safetensors.safe_open(path, framework="pt") as file:
            assert file.metadata() == {"format": "pt"}, file.metadata()
        return safetensors.torch.load_file(path)
    tensors = torch.load(path, weights_only=True)
    mapped = torch.load(path, weights_only=True, mmap=True)
    assert type(tensors) is collections.OrderedDict
    assert list(tensors) == sorted(tensors) == list(mapped)
    for key, tensor in tensors.items():
        assert torch.equal(raw(tensor), raw(mapped[key])), key
        assert mapped[key].data_ptr() % 64 == 0 or mapped[key].numel() == 0, f"{key} is not aligned in the file"
    return tensors


def check_model(path, type, x, y):
    tensors = read(path)
    model = network().to(type).eval()
    assert set(tensors) == set(model.state_dict()), set(tensors) ^ set(model.state_dict())
    print(path.name, model.load_state_dict(tensors, strict=True))
    i = 0
    for key, tensor in model.state_dict().items():  # in the order of execution
        assert tensors[key].dtype == tensor.dtype and tensors[key].shape == tensor.shape, key
        if key.endswith("num_batches_tracked"):
            assert tensor.dtype == torch.int64 and tensor.item() == 0, key
            continue
        expected = (1 + torch.arange(i, i + tensor.numel()) * 37 % 101).to(type) / 64
        assert torch.equal(tensor.flatten(), expected), key
        i += tensor.numel()
    if type == torch.float64:
        with torch.no_grad():
            error = ((model(x) - y).abs() / y.abs()).max().item()
        print(f"  relative error of hookcam's output: {error:.1e}")
        assert error < 1e-13, error  # some hundred roundings of 1.1e-16


def check_types(path):
    tensors = read(path)
    assert set(tensors) == {*TYPES, "none", "层"}, list(tensors)
    for name, type in TYPES.items():
        assert tensors[name].dtype == type and tensors[name].shape == (2, 3), name
        assert (raw(tensors[name]) == 1).all(), name
    assert tensors["none"].dtype == torch.float32 and tensors["none"].shape == (2, 0, 3)
    assert tensors["层"].shape == () and tensors["层"].item() == 7


def main():
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.argv[1], name], check=True)
        folder = pathlib.Path(name)
        x, y = (torch.from_numpy(numpy.load(folder / file)) for file in ("x.npy", "y.npy"))
        for suffix in (".pth", ".pt", ".safetensors"):
            check_model(folder / f"float32{suffix}", torch.float32, x, y)
            check_model(folder / f"float64{suffix}", torch.float64, x, y)
        for suffix in (".pth", ".safetensors"):
            check_types(folder / f"types{suffix}")
    print("PyTorch", torch.__version__, "and safetensors", safetensors.__version__, "read them all")


if __name__ == "__main__":
    main()
