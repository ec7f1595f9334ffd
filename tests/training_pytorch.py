#!/usr/bin/env python3
"""Compares training with PyTorch's, in double: outputs, gradients, running statistics.

    training_pytorch.py PROGRAM       runs the program training_pytorch and compares

Ten networks, four passes each: backward, backward from zero, a backward that adds, and a forward alone. Every tensor must agree to
1e-10 of the largest element of PyTorch's, or of one where that is less (some gradients are sums that cancel). Ends with 77,
which is CTest's "skipped", where PyTorch is not installed.
"""

import pathlib
import subprocess
import sys
import tempfile

TOLERANCE = 1e-10


def networks(torch):
    """By name: a module, the shape of its input, and the names of its children that are frozen."""
    nn = torch.nn

    class Named(nn.Module):
        """Children by name, one after the other."""

        def __init__(self, **children):
            super().__init__()
            for name, child in children.items():
                self.add_module(name, child)

        def forward(self, x):
            for child in self.children():
                x = child(x)
            return x

    def alone(layer):
        return Named(layer=layer)

    class Residual(nn.Module):
        def __init__(self, front):
            super().__init__()
            self.front = front
            self.conv1, self.bn1 = conv(6, 6), nn.BatchNorm2d(6)
            self.conv2, self.bn2 = conv(6, 6), nn.BatchNorm2d(6, momentum=0.01)
            self.fc, self.bn3 = nn.Linear(96, 7), nn.BatchNorm1d(7)

        def forward(self, x):
            x = self.front(x)
            x = torch.relu(x + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
            return self.bn3(self.fc(torch.max_pool2d(x, 2).flatten(1)))

    def conv(inputs, outputs):
        return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)

    image, vector = (5, 4, 3), (9,)
    return {
        "batch_norm2d": (alone(nn.BatchNorm2d(5)), image, ()),
        "batch_norm2d_options": (alone(nn.BatchNorm2d(5, eps=0.01, momentum=0.3)), image, ()),
        "batch_norm2d_no_affine": (alone(nn.BatchNorm2d(5, affine=False)), image, ()),
        "batch_norm1d": (alone(nn.BatchNorm1d(9)), vector, ()),
        "batch_norm1d_options": (alone(nn.BatchNorm1d(9, affine=False, momentum=1.0)), vector, ()),
        "instance_norm2d": (alone(nn.InstanceNorm2d(5, affine=True)), image, ()),
        "group_norm": (alone(nn.GroupNorm(5, 5)), image, ()),
        "layer_norm": (alone(nn.LayerNorm((4, 3))), image, ()),
        "residual": (Residual(Named(conv=conv(3, 6), bn=nn.BatchNorm2d(6), relu=nn.ReLU())), (3, 8, 8), ()),
        "frozen": (
            Residual(Named(conv=conv(3, 6), bn=nn.BatchNorm2d(6), relu=nn.ReLU(), drop=nn.Dropout())),
            (3, 8, 8),
            ("front", "fc"),
        ),
    }


def expect(torch, key, network, shape, frozen, given, expected):
    """What PyTorch makes of random parameters and inputs."""
    network = network.double().train()
    own = {}
    for entry, tensor in network.state_dict().items():
        if not entry.endswith("num_batches_tracked"):
            own[entry] = torch.randn(tensor.shape, dtype=torch.float64)
            if entry.endswith("running_var"):
                own[entry] = own[entry].abs() + 0.1
    network.load_state_dict(own, strict=False)
    for name in frozen:
        getattr(network, name).eval().requires_grad_(False)
    given |= {f"{key}.own.{entry}": tensor.clone() for entry, tensor in own.items()}
    for i, batch in enumerate((4, 4, 3, 5)):
        x = torch.randn(batch, *shape, dtype=torch.float64).requires_grad_()
        y = network(x)
        given[f"{key}.x{i}"], expected[f"{key}.y{i}"] = x.detach(), y.detach()
        if i == 3:
            continue
        if i < 2:
            network.zero_grad()
        given[f"{key}.grad_y{i}"] = torch.randn(y.shape, dtype=torch.float64)
        y.backward(given[f"{key}.grad_y{i}"])
        expected[f"{key}.grad_x{i}"] = x.grad
    for entry, tensor in network.state_dict().items():
        if not entry.endswith("num_batches_tracked"):
            expected[f"{key}.after.{entry}"] = tensor
    for entry, parameter in network.named_parameters():
        if parameter.requires_grad:
            expected[f"{key}.grad.{entry}"] = parameter.grad


def compare(torch, safetensors, program):
    torch.manual_seed(1)
    given, expected = {}, {}
    for key, (network, shape, frozen) in networks(torch).items():
        expect(torch, key, network, shape, frozen, given, expected)
    with tempfile.TemporaryDirectory() as name:
        inputs, outputs = pathlib.Path(name, "inputs.safetensors"), pathlib.Path(name, "outputs.safetensors")
        safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in given.items()}, inputs)
        subprocess.run([program, inputs, outputs], check=True)
        results = safetensors.torch.load_file(outputs)
    assert set(results) == set(expected), set(results) ^ set(expected)
    worst, failures = {}, 0
    for key, wanted in expected.items():
        got, name = results[key], key.split(".", 1)[0]
        assert got.shape == wanted.shape, f"{key}: {got.shape}, and PyTorch's is {wanted.shape}"
        assert wanted.isfinite().all() and wanted.numel() > 0, key
        error = (got - wanted).abs().max().item() / max(1.0, wanted.abs().max().item())
        worst[name] = max(worst.get(name, 0.0), error)
        if not error < TOLERANCE:
            failures += 1
            print(f"{key} has an error of {error:.1e}")
    for name, error in worst.items():
        print(f"{name:24} {error:.1e}")
    print(f"{len(worst)} networks: {len(expected)} tensors; PyTorch {torch.__version__}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        import safetensors.torch
        import torch
    except ImportError as missing:
        print(f"skipped: {missing} for {sys.executable}; -D HOOKCAM_PYTHON=PATH names another Python")
        sys.exit(77)
    sys.exit(compare(torch, safetensors, sys.argv[1]))
