"""ONNX Runtime and OpenVINO, from a model that PyTorch exports."""

import torch

import torch_peers


def export(work):
    """An ONNX file of the work's network, and its input."""
    model, inputs = torch_peers.load(work)
    file = work.folder / "model.onnx"
    torch.onnx.export(model, (inputs["input"],), str(file), dynamo=False, opset_version=17)
    return str(file), inputs["input"].numpy()


def onnxruntime(work):
    import onnxruntime

    file, x = export(work)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = work.threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x}
    return f"ONNX Runtime {onnxruntime.__version__}", lambda: {"output": session.run(None, feed)[0]}


def openvino(work):
    import openvino

    file, x = export(work)
    core = openvino.Core()
    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": work.threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(core.read_model(file), "CPU", options).create_infer_request()

    def run():
        request.infer([x], share_inputs=True)
        return {"output": request.get_output_tensor(0).data}

    return f"OpenVINO {openvino.__version__.split('-')[0]}", run


PEERS = {"onnxruntime": {"forward": onnxruntime}, "openvino": {"forward": openvino}}
