"""Compares computations of variables with PyTorch's, in double: values, gradients, and gradients of gradients.

    autograd_pytorch.py PROGRAM

The computations stand in autograd_pytorch.cpp under the same names. Two tensors agree where their largest difference is
under 1e-10 of the largest element of PyTorch's. Ends with 77, which is CTest's "skipped", where PyTorch is not installed.
"""

import pathlib
import subprocess
import sys
import tempfile

TOLERANCE = 1e-10


def computations(torch):
    """Name: shapes of the inputs, the function."""
    functional = torch.nn.functional
    one, two = [(4, 3)], [(4, 1), (2, 1, 3)]
    pads = functional.pad
    return {
        "exp": (one, torch.exp),
        "log": (one, torch.log),
        "sqrt": (one, lambda x: x.sqrt() * x),
        "tanh": (one, torch.tanh),
        "sigmoid": (one, torch.sigmoid),
        "relu": (one, lambda x: torch.relu(x - 1)),
        "abs": (one, lambda x: torch.abs(x - 1)),
        "clip": (one, lambda x: torch.clip(x, 0.7, 1.2) * x),
        "pow": (one, lambda x: x**2.5),
        "add": (two, torch.add),
        "subtract": (two, torch.sub),
        "multiply": (two, torch.mul),
        "divide": (two, torch.div),
        "power": (two, torch.pow),
        "maximum": (two, torch.maximum),
        "minimum": (two, torch.minimum),
        "where": (two, lambda a, b: torch.where(a > b, a * a, b)),
        "sum": (one, lambda x: x.sum(0)),
        "mean": (one, lambda x: x * x.mean(1, keepdim=True)),
        "amax": (one, lambda x: x.amax(1)),
        "var": (one, lambda x: x.var(0)),
        "logsumexp": (one, lambda x: x.logsumexp(-1)),
        "softmax": (one, lambda x: x.softmax(1)),
        "log_softmax": (one, lambda x: x.log_softmax(1)),
        "transpose": (one, lambda x: x.T * 2),
        "reshape": (one, lambda x: x.reshape(2, -1, 1)),
        "slice": (one, lambda x: x[:, 0:3:2]),
        "select": (one, lambda x: x[-1]),
        "pad": (one, lambda x: pads(x, (1, 2), value=3.0) * 0.5),
        "cat": (one, lambda x: torch.cat([x, x * x], 0)),
        "stack": (one, lambda x: torch.stack([x, x * x], 1)),
        "gather": (one, lambda x: x.gather(1, torch.tensor([[0, 0], [2, 1]]))),
        "cross_entropy": (one, lambda x: functional.cross_entropy(x, torch.tensor([1, 0, 2, 2]))),
        "matmul": ([(2, 3, 4), (4, 2)], torch.matmul),
        "bmm": ([(2, 1, 3, 4), (3, 4, 2)], torch.matmul),
        "linear": ([(4, 3), (5, 3), (5,)], functional.linear),
        "conv2d": (
            [(2, 4, 7, 6), (6, 2, 3, 3), (6,)],
            lambda x, w, b: functional.conv2d(x, w, b, stride=2, padding=(1, 2), dilation=(2, 1), groups=2),
        ),
    }


def compare(torch, load, save, program):
    generator = torch.Generator().manual_seed(3)
    given, expected = {}, {}
    for name, (shapes, function) in computations(torch).items():
        # From 0.5 to 1.5: for logarithms, roots and powers.
        inputs = [(torch.rand(*shape, dtype=torch.float64, generator=generator) + 0.5) for shape in shapes]
        for x in inputs:
            x.requires_grad_()
        given |= {f"{name}.{i}": x.detach() for i, x in enumerate(inputs)}
        y = function(*inputs)
        gradients = torch.autograd.grad(y.square().sum(), inputs, create_graph=True)
        again = torch.autograd.grad(sum(g.square().sum() for g in gradients), inputs)
        expected[f"{name}.y"] = y.detach()
        expected |= {f"{name}.grad.{i}": g.detach() for i, g in enumerate(gradients)}
        expected |= {f"{name}.second.{i}": g for i, g in enumerate(again)}

    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = pathlib.Path(folder, "inputs.safetensors"), pathlib.Path(folder, "outputs.safetensors")
        save({key: tensor.contiguous() for key, tensor in given.items()}, inputs)
        subprocess.run([program, inputs, outputs], check=True)
        results = load(outputs)
    assert set(results) == set(expected), set(results) ^ set(expected)

    worst, failures = 0.0, 0
    for key, wanted in expected.items():
        got = results[key]
        assert got.shape == wanted.shape, f"{key}: {got.shape}, and PyTorch's is {wanted.shape}"
        difference = (got - wanted).abs().max().item()
        error = difference / max(wanted.abs().max().item(), 1e-300)
        worst = max(worst, error)
        if not error < TOLERANCE:
            failures += 1
            print(f"{key} has a relative error of {error:.1e}")
    count = f"{len(computations(torch))} computations, {len(expected)} tensors"
    print(f"{count}, the largest relative error {worst:.1e}; PyTorch {torch.__version__}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        import safetensors.torch
        import torch
    except ImportError as missing:
        print(f"skipped: {missing} for {sys.executable}; -D HOOKCAM_PYTHON=PATH names another Python")
        sys.exit(77)
    sys.exit(compare(torch, safetensors.torch.load_file, safetensors.torch.save_file, sys.argv[1]))
