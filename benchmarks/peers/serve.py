"""Serves one peer to the program compare: serve.py PEER THREADS

Reads commands from its input, a line each, and answers each with a line on its output:

    load WORK FOLDER   ready VERSION      has read weights.safetensors and inputs.safetensors from the folder
    check FILE         done               has written its results to a safetensors file
    run TIMES          times S S S ...    the seconds of so many runs, after one that is not counted

or "missing REASON", where it cannot. Whatever else it has to say goes to stderr.
"""

import os
import pathlib
import sys
import time


class Work:
    """What a peer is asked to do: `network`, `kind` (forward, grad_cam, forward_backward), and its files."""

    def __init__(self, name, folder, threads):
        self.name, self.folder, self.threads = name, pathlib.Path(folder), threads
        self.network, self.kind, _ = name.split(".")

    def tensors(self, name):
        from safetensors.numpy import load_file

        return load_file(self.folder / f"{name}.safetensors")


class Missing(Exception):
    """The peer cannot do this work; the text says why."""


def runner_of(peer, work):
    """(version, run): run() does the work once and returns its results, arrays by name."""
    if peer.startswith("pytorch"):
        import torch_peers as module
    elif peer in ("onnxruntime", "openvino"):
        import onnx_peers as module
    elif peer == "ncnn":
        import ncnn_peer as module
    else:
        raise Missing(f"serve.py knows no peer {peer}")
    make = module.PEERS[peer].get(work.kind)
    if make is None:
        raise Missing(f"{peer} has no {work.kind}")
    return make(work)


def timed(run, times):
    run()
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return seconds


def check(run, file):
    import numpy
    from safetensors.numpy import save_file

    save_file({name: numpy.ascontiguousarray(array) for name, array in run().items()}, file)


def main():
    peer, threads = sys.argv[1], int(sys.argv[2])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    # Libraries print to the output when they like: it becomes stderr, and the answers keep the pipe.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    run = None
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            if command == "load":
                version, run = runner_of(peer, Work(*arguments, threads))
                print("ready", version, file=answers)
            elif command == "check":
                check(run, arguments[0])
                print("done", file=answers)
            elif command == "run":
                print("times", *(f"{s:.9f}" for s in timed(run, int(arguments[0]))), file=answers)
            else:
                raise Missing(f"serve.py knows no command {command}")
        except Exception as why:  # whatever a library throws is a reason why it cannot
            print("missing", " ".join(str(why).split())[:200] or type(why).__name__, file=answers)


if __name__ == "__main__":
    main()
