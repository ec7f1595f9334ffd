"""ncnn, from a model that pnnx converts."""

import pathlib
import subprocess
import sys

import numpy
import torch

import torch_peers


def forward(work):
    import ncnn

    model, inputs = torch_peers.load(work)
    x = inputs["input"]
    if len(x) != 1:
        raise ValueError("ncnn takes one picture at a time")
    script = work.folder / "model.pt"
    with torch.no_grad():
        torch.jit.trace(model, x).save(str(script))
    shape = f"inputshape=[{','.join(map(str, x.shape))}]"
    converter = pathlib.Path(sys.executable).with_name("pnnx")
    subprocess.run([converter, script, shape, "fp16=0"], cwd=work.folder, check=True, stdout=sys.stderr)

    net = ncnn.Net()
    options = net.opt
    options.num_threads = work.threads
    options.use_fp16_storage = options.use_fp16_arithmetic = options.use_fp16_packed = False
    options.use_bf16_storage = False
    if net.load_param(str(script.with_suffix(".ncnn.param"))) or net.load_model(str(script.with_suffix(".ncnn.bin"))):
        raise ValueError("ncnn has no layer for what pnnx made of the model")
    array = numpy.ascontiguousarray(x[0].numpy())

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(array))
        return {"output": numpy.array(extractor.extract("out0")[1])}

    return f"ncnn {ncnn.__version__}", run


PEERS = {"ncnn": {"forward": forward}}
