"""Compares every layer of hookcam with PyTorch's, in double: forward, and the gradients of input and parameters.

    layers_pytorch.py --write FILE...     writes the settings as C++, and needs no PyTorch
    layers_pytorch.py BUILD PROGRAM       builds the target layers_pytorch in BUILD, runs it and compares

A setting is a C++ type, PyTorch's module, and the shape of an input. There are 20 for each layer, drawn by functions
below from generators that give the same on every machine. Two tensors agree where their largest difference is under
1e-10 of the largest element of PyTorch's. Ends with 77, which is CTest's "skipped", where PyTorch is not installed; a
layer without settings is an error there too.
"""

import pathlib
import random
import subprocess
import sys
import tempfile

ROUNDS = 20
TOLERANCE = 1e-10
LAYERS = pathlib.Path(__file__).resolve().parent.parent / "include/hookcam/layers"
JOINS = ["concat", "multiply", "residual"]


class Draw:
    """Random settings. Only Random.random() is used: Python promises its numbers for every version."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def of(self, *options):
        return options[int(self.random() * len(options))]

    def up_to(self, low, high):
        return low + int(self.random() * (high - low + 1))

    def often(self):
        return self.random() < 0.5

    def real(self, low, high):
        return round(low + (high - low) * self.random(), 4)

    def pair(self, low, high):
        return self.up_to(low, high), self.up_to(low, high)

    def image(self, channels=None):
        """N,C,H,W with odd and even sizes, not less than a window of four elements of which it sees every second."""
        return self.up_to(1, 3), channels or self.up_to(1, 5), self.up_to(7, 11), self.up_to(7, 11)

    def features(self, count=None):
        return self.up_to(1, 4), count or self.up_to(2, 9)


def pair(name, sizes):
    return f"hc::{name}<{sizes[0]}>" if sizes[0] == sizes[1] else f"hc::{name}<{sizes[0]}, {sizes[1]}>"


def layer(name, *arguments):
    return f"hc::{name}<{', '.join(str(argument) for argument in arguments if argument is not None)}>"


# Each function draws one setting: the C++ type, what makes PyTorch's module of torch.nn, and the input's shape.


def elementwise(name, module, options=lambda draw: ([], {})):
    def setting(draw):
        policies, keywords = options(draw)
        shape = draw.image() if draw.often() else draw.features()
        return layer(name, *policies), lambda nn: getattr(nn, module)(**keywords), shape

    return setting


def leaky_relu(draw):
    slope = draw.of(None, draw.real(-0.5, 1.5))
    return ([], {}) if slope is None else ([f"hc::negative_slope<{slope}>"], {"negative_slope": slope})


def elu(draw):
    alpha = draw.of(None, draw.real(0.1, 2))
    return ([], {}) if alpha is None else ([f"hc::alpha<{alpha}>"], {"alpha": alpha})


def gelu(draw):
    return (["hc::tanh_approximation"], {"approximate": "tanh"}) if draw.often() else ([], {})


def along_channels(name, module):
    def setting(draw):
        shape = draw.image(draw.up_to(2, 6)) if draw.often() else draw.features()
        return layer(name), lambda nn: getattr(nn, module)(dim=1), shape

    return setting


def dropout(draw):
    p = draw.real(0, 1)
    return layer("dropout", f"hc::probability<{p}>"), lambda nn: nn.Dropout(p), draw.image()


def flatten(draw):
    return layer("flatten"), lambda nn: nn.Flatten(), draw.image()


def linear(draw):
    inputs, outputs, bias = draw.up_to(1, 9), draw.up_to(1, 9), draw.often()
    cpp = layer("linear", inputs, outputs, None if bias else "hc::no_bias")
    return cpp, lambda nn: nn.Linear(inputs, outputs, bias=bias), draw.features(inputs)


def window(draw, kernels=(1, 4), same=False):
    """Kernel, stride, padding, dilation for a convolution, as policies and as keywords."""
    kernel, dilation = draw.pair(*kernels), draw.of((1, 1), draw.pair(1, 2))
    same = same and draw.random() < 0.25
    stride = (1, 1) if same else draw.pair(1, 3)
    padding = "same" if same else draw.pair(0, 2)
    policies = [
        pair("kernel", kernel), pair("stride", stride), pair("dilation", dilation),
        "hc::padding_same" if same else pair("padding", padding),
    ]  # fmt: skip
    return policies, {"kernel_size": kernel, "stride": stride, "dilation": dilation, "padding": padding}


def conv2d(draw):
    groups = draw.of(1, 1, 2, 3)
    inputs, outputs, bias = groups * draw.up_to(1, 3), groups * draw.up_to(1, 3), draw.often()
    policies, keywords = window(draw, same=True)
    cpp = layer("conv2d", inputs, outputs, *policies, f"hc::groups<{groups}>", None if bias else "hc::no_bias")
    return cpp, lambda nn: nn.Conv2d(inputs, outputs, groups=groups, bias=bias, **keywords), draw.image(inputs)


def conv_transpose2d(draw):
    groups = draw.of(1, 1, 2, 3)
    inputs, outputs, bias = groups * draw.up_to(1, 3), groups * draw.up_to(1, 3), draw.often()
    policies, keywords = window(draw, kernels=(1, 4))
    behind = tuple(
        draw.up_to(0, max(stride, dilation) - 1)
        for stride, dilation in zip(keywords["stride"], keywords["dilation"], strict=True)
    )
    more = [pair("output_padding", behind), f"hc::groups<{groups}>", None if bias else "hc::no_bias"]
    cpp = layer("conv_transpose2d", inputs, outputs, *policies, *more)

    def module(nn):
        return nn.ConvTranspose2d(inputs, outputs, groups=groups, bias=bias, output_padding=behind, **keywords)

    return cpp, module, draw.image(inputs)


def pool(draw, max_dilation=1):
    kernel, stride, ceil = draw.pair(1, 4), draw.of(None, draw.pair(1, 3)), draw.often()
    dilation = draw.pair(1, max_dilation)
    padding = tuple(draw.up_to(0, size // 2) for size in kernel)
    policies = [
        kernel[0], pair("kernel", kernel), stride and pair("stride", stride), pair("padding", padding),
        "hc::ceil_mode" if ceil else None,
    ]  # fmt: skip
    keywords = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil}
    return policies, keywords, dilation


def max_pool2d(draw):
    policies, keywords, dilation = pool(draw, max_dilation=2)
    cpp = layer("max_pool2d", *policies, pair("dilation", dilation))
    return cpp, lambda nn: nn.MaxPool2d(dilation=dilation, **keywords), draw.image()


def avg_pool2d(draw):
    (policies, keywords, _), counts = pool(draw), draw.often()
    cpp = layer("avg_pool2d", *policies, None if counts else "hc::count_exclude_pad")
    return cpp, lambda nn: nn.AvgPool2d(count_include_pad=counts, **keywords), draw.image()


def adaptive_avg_pool2d(draw):
    sizes = draw.pair(1, 8)
    return layer("adaptive_avg_pool2d", *sizes), lambda nn: nn.AdaptiveAvgPool2d(sizes), draw.image()


def adaptive_max_pool2d(draw):
    sizes = draw.pair(1, 8)
    return layer("adaptive_max_pool2d", *sizes), lambda nn: nn.AdaptiveMaxPool2d(sizes), draw.image()


def lp_pool2d(draw):
    norm, kernel, stride = draw.up_to(1, 6), draw.pair(1, 4), draw.of(None, draw.pair(1, 3))
    cpp = layer("lp_pool2d", norm, kernel[0], pair("kernel", kernel), stride and pair("stride", stride))

    def module(nn):
        class Norm(nn.Module):  # of magnitudes: for odd norms PyTorch keeps the signs
            def forward(self, x):
                return nn.functional.lp_pool2d(x.abs(), float(norm), kernel, stride)

        return Norm()

    return cpp, module, draw.image()


def norm_options(draw, default_affine=True):
    eps, affine = draw.of(None, draw.real(1e-4, 0.5)), draw.often()
    policy = {(True, False): "hc::no_affine", (False, True): "hc::affine"}.get((default_affine, affine))
    keywords = {"affine": affine} | ({} if eps is None else {"eps": eps})
    return [None if eps is None else f"hc::eps<{eps}>", policy], keywords


def batch_norm(name, module, shape):
    def setting(draw):
        channels = draw.up_to(1, 6)
        policies, keywords = norm_options(draw)
        cpp = layer(name, channels, *policies)
        return cpp, lambda nn: getattr(nn, module)(channels, **keywords), shape(draw, channels)

    return setting


def group_norm(draw):
    groups, each = draw.up_to(1, 3), draw.up_to(2, 4)
    policies, keywords = norm_options(draw)
    shape = draw.image(groups * each) if draw.often() else draw.features(2 * groups * each)
    cpp = layer("group_norm", groups, shape[1], *policies)
    return cpp, lambda nn: nn.GroupNorm(groups, shape[1], **keywords), shape


def instance_norm2d(draw):
    channels = draw.up_to(1, 5)
    policies, keywords = norm_options(draw, default_affine=False)
    cpp = layer("instance_norm2d", channels, *policies)
    return cpp, lambda nn: nn.InstanceNorm2d(channels, **keywords), draw.image(channels)


def layer_norm(draw):
    shape = draw.image() if draw.random() < 0.75 else draw.features(draw.up_to(4, 9))
    last = shape[draw.up_to(1, len(shape) - 1) :]
    (eps, policy), keywords = norm_options(draw)
    bias = draw.often()
    cpp = layer("layer_norm", layer("shape", *last), eps, policy, None if bias else "hc::no_bias")
    keywords["elementwise_affine"] = keywords.pop("affine")
    return cpp, lambda nn: nn.LayerNorm(last, bias=bias, **keywords), shape


def pad_shortcut(draw):
    inputs, more, stride = draw.up_to(1, 4), draw.up_to(0, 5), draw.pair(1, 3)
    cpp = layer("pad_shortcut", inputs, inputs + more, pair("stride", stride))

    def module(nn):
        class Shortcut(nn.Module):
            def forward(self, x):
                front = more // 2
                kept = x[:, :, :: stride[0], :: stride[1]]
                return nn.functional.pad(kept, (0, 0, 0, 0, front, more - front))

        return Shortcut()

    return cpp, module, draw.image(inputs)


def upsample(draw):
    scale, smooth = draw.up_to(1, 5), draw.often()
    cpp = layer("upsample", scale, "hc::bilinear" if smooth else None)
    keywords = {"mode": "bilinear", "align_corners": False} if smooth else {"mode": "nearest"}
    return cpp, lambda nn: nn.Upsample(scale_factor=scale, **keywords), draw.image()


def zero_pad2d(draw):
    borders = draw.pair(0, 3) + draw.pair(0, 3)
    return layer("zero_pad2d", *borders), lambda nn: nn.ZeroPad2d(borders), draw.image()


def join(name, combine):
    """Branches of convolutions a and b, or of one and the input itself."""

    def setting(draw):
        inputs, kernel, outer = draw.up_to(1, 4), draw.of(1, 3, 5), draw.often()
        outputs = draw.up_to(1, 4) if name == "concat" else inputs
        squeezes = name == "multiply" and draw.often()
        window = f"hc::kernel<{kernel}>, hc::padding_same"
        body = f'hc::sequential<hc::named<"a", hc::conv2d<{inputs}, {outputs}, {window}>>, hc::tanh<>>'
        gate = f'hc::named<"b", hc::conv2d<{inputs}, {inputs}, hc::kernel<1>>>' if outer else "hc::identity<>"
        if squeezes:
            gate = f"hc::sequential<hc::adaptive_avg_pool2d<1>, {gate}>"

        def module(nn):
            class Join(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.a = nn.Conv2d(inputs, outputs, kernel, padding="same")
                    self.b = nn.Conv2d(inputs, inputs, 1) if outer else nn.Identity()

                def forward(self, x):
                    other = x.mean((2, 3), keepdim=True) if squeezes else x
                    return combine(nn.functional.tanh(self.a(x)), self.b(other))

            return Join()

        return layer(name, body, gate), module, draw.image(inputs)

    return setting


SETTINGS = {
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "adaptive_max_pool2d": adaptive_max_pool2d,
    "avg_pool2d": avg_pool2d,
    "batch_norm1d": batch_norm("batch_norm1d", "BatchNorm1d", Draw.features),
    "batch_norm2d": batch_norm("batch_norm2d", "BatchNorm2d", Draw.image),
    "concat": join("concat", lambda a, b: torch.cat((a, b), 1)),
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "dropout": dropout,
    "elu": elementwise("elu", "ELU", elu),
    "flatten": flatten,
    "gelu": elementwise("gelu", "GELU", gelu),
    "group_norm": group_norm,
    "hardswish": elementwise("hardswish", "Hardswish"),
    "identity": elementwise("identity", "Identity"),
    "instance_norm2d": instance_norm2d,
    "layer_norm": layer_norm,
    "leaky_relu": elementwise("leaky_relu", "LeakyReLU", leaky_relu),
    "linear": linear,
    "log_softmax": along_channels("log_softmax", "LogSoftmax"),
    "lp_pool2d": lp_pool2d,
    "max_pool2d": max_pool2d,
    "multiply": join("multiply", lambda a, b: a * b),
    "pad_shortcut": pad_shortcut,
    "relu": elementwise("relu", "ReLU"),
    "relu6": elementwise("relu6", "ReLU6"),
    "residual": join("residual", lambda a, b: a + b),
    "sigmoid": elementwise("sigmoid", "Sigmoid"),
    "silu": elementwise("silu", "SiLU"),
    "softmax": along_channels("softmax", "Softmax"),
    "tanh": elementwise("tanh", "Tanh"),
    "upsample": upsample,
    "zero_pad2d": zero_pad2d,
}


def settings_of(name):
    draw = Draw(f"hookcam {name}")
    return {f"{name}.{i}": SETTINGS[name](draw) for i in range(ROUNDS)}


def all_settings(names):
    for name in names:
        yield from settings_of(name).items()


def check_that_every_layer_is_there():
    there = {folder.name for folder in LAYERS.iterdir() if folder.is_dir()} | set(JOINS)
    assert there == set(SETTINGS), f"layers without settings, or settings without a layer: {there ^ set(SETTINGS)}"


def write_sources(files):
    """Deals the layers out to the files, which compilers take one by one."""
    for i, file in enumerate(files):
        lines = ["// Written by layers_pytorch.py.", '#include "layers_pytorch.hpp"', "namespace hc = hookcam;"]
        lines.append("static compared::registration const some{")
        for key, (cpp, _, shape) in all_settings(list(SETTINGS)[i :: len(files)]):
            kind = "hc::image<>" if len(shape) == 4 else "hc::features<>"
            lines.append(f'    {{"{key}", compared::run<hc::sequential<{cpp}>, {kind}>}},')
        pathlib.Path(file).write_text("\n".join([*lines, "};", ""]))


def compare(build, program):
    generator = torch.Generator().manual_seed(1)

    def noise(shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    given, expected = {}, {}
    for key, (_, module, shape) in all_settings(SETTINGS):
        network = module(torch.nn).double().eval()
        own = {}
        for entry, tensor in network.state_dict().items():
            if not entry.endswith("num_batches_tracked"):
                own[entry] = noise(tensor.shape)
                if entry.endswith("running_var"):
                    own[entry] = own[entry].abs() + 0.1
        network.load_state_dict(own, strict=False)
        # Inputs reach the bends of every activation: relu6 and hardswish have some at 3 and 6.
        x = (3 * noise(shape)).requires_grad_()
        y = network(x)
        grad_y = noise(y.shape)
        y.backward(grad_y)
        given |= {f"{key}.x": x.detach(), f"{key}.grad_y": grad_y}
        given |= {f"{key}.own.{entry}": tensor for entry, tensor in own.items()}
        expected |= {f"{key}.y": y.detach(), f"{key}.grad_x": x.grad}
        expected |= {f"{key}.grad.{entry}": parameter.grad for entry, parameter in network.named_parameters()}

    subprocess.run(["cmake", "--build", build, "--target", "layers_pytorch"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as name:
        inputs, outputs = pathlib.Path(name, "inputs.safetensors"), pathlib.Path(name, "outputs.safetensors")
        safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in given.items()}, inputs)
        subprocess.run([program, inputs, outputs], check=True)
        results = safetensors.torch.load_file(outputs)
    assert set(results) == set(expected), set(results) ^ set(expected)

    worst, failures = dict.fromkeys(SETTINGS, 0.0), 0
    for key, wanted in expected.items():
        got, (name, i, what) = results[key], key.split(".", 2)
        assert got.shape == wanted.shape, f"{key}: {got.shape}, and PyTorch's is {wanted.shape}"
        assert wanted.isfinite().all() and wanted.numel() > 0, key
        difference = (got - wanted).abs().max().item()
        error = difference / wanted.abs().max().item() if difference != 0 else 0.0
        worst[name] = max(worst[name], error)
        if not error < TOLERANCE:
            failures += 1
            print(f"{what} of {settings_of(name)[f'{name}.{i}'][0]} has a relative error of {error:.1e}")
    for name, error in worst.items():
        print(f"{name:20} {error:.1e}")
    count = f"{len(SETTINGS)} layers and joins, {ROUNDS} settings each: {len(expected)} tensors"
    print(f"{count}; PyTorch {torch.__version__}")
    return 1 if failures else 0


if __name__ == "__main__":
    check_that_every_layer_is_there()
    if sys.argv[1] == "--write":
        write_sources(sys.argv[2:])
        sys.exit(0)
    try:
        import safetensors.torch
        import torch
    except ImportError as missing:
        print(f"skipped: {missing} for {sys.executable}; -D HOOKCAM_PYTHON=PATH names another Python")
        sys.exit(77)
    sys.exit(compare(sys.argv[1], sys.argv[2]))
