#!/usr/bin/env python3
"""Makes the seed files in corpus/, a folder for each format, that the fuzz targets begin with.

Needs PyTorch, safetensors, NumPy and Pillow; they were made with 2.15, 0.8, 2.4 and 13.0. Each file is small, and has
one thing that the others have not: fuzzing mixes them. Files of the folders that this script does not make (what
fuzzing found) stay.
"""

import io
import json
import pathlib
import struct
import zipfile
import zlib

import numpy
import torch
from PIL import Image
from safetensors.torch import save as save_safetensors
from torch import nn

corpus = pathlib.Path(__file__).parent / "corpus"


def write(name, content):
    path = corpus / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# ------------------------------------------------------------------------------------------- weights

network = nn.Sequential()  # as `network` in weights.hpp
network.add_module("conv", nn.Conv2d(1, 2, 3))
network.add_module("bn", nn.BatchNorm2d(2))
network.add_module("fc", nn.Linear(2, 3))
with torch.no_grad():
    for tensor in network.state_dict().values():
        tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape))
weights = network.state_dict()
kinds = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
types = {kind: torch.arange(3).to(getattr(torch, kind)) for kind in kinds}
base = torch.arange(24.0).reshape(4, 6)
views = {"transposed": base.t(), "columns": base[:, 1::2], "expanded": base[1:2].expand(3, 6), "none": torch.empty(0, 3)}
checkpoint = {"epoch": 7, "lr": (0.1, 1e-3), "names": ["a", None], "state_dict": weights, "half": types}


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def row(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


plain = {key: value.contiguous() for key, value in weights.items()}
write("safetensors/network", save_safetensors(plain, {"format": "pt"}))
write("safetensors/wrapped", save_safetensors({"module." + key: value for key, value in plain.items()}))
write("safetensors/types", save_safetensors(types))
write("safetensors/nothing", safetensors(b"{}"))
write("safetensors/no_numbers", safetensors({"a": row("F32", [2, 0, 3], 0, 0)}))
write("safetensors/escapes", safetensors(b'{"\\u5c42\\n\\"":{"data_offsets":[0,1],"shape":[],"dtype":"U8"}}   ', b"x"))
write("safetensors/hole", safetensors({"a": row("I8", [1], 0, 1), "b": row("I8", [1], 2, 3)}, b"xyz"))
write("safetensors/overflow", safetensors({"a": row("F64", [2**32, 2**32], 0, 0)}))
write("safetensors/twice", safetensors(b'{"a":%s,"a":%s}' % ((json.dumps(row("I8", [0], 0, 0)).encode(),) * 2)))
write("safetensors/nested", safetensors(b'{"a":' * 40 + b"[" * 40))
write("safetensors/no_json", safetensors(b'{"a":{"dtype":nul'))
write("safetensors/long_header", struct.pack("<Q", 2**63) + b"{}")


def torch_save(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def pickle_of(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(next(name for name in opened.namelist() if name.endswith("data.pkl")))


def deflated(archive):
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
    return file.getvalue()


for name, content in {"network": weights, "types": types, "views": views, "checkpoint": checkpoint}.items():
    archive = torch_save(content)
    write(f"pth/{name}.zip", archive)
    write(f"pth/{name}.pickle", pickle_of(archive))
    write(f"pth/{name}.stream", torch_save(content, _use_new_zipfile_serialization=False))
write("pth/deflated.zip", deflated(torch_save(weights)))
write("pth/protocol_5.pickle", pickle_of(torch_save(checkpoint, pickle_protocol=5)))
write("pth/protocol_5.stream", torch_save(checkpoint, pickle_protocol=5, _use_new_zipfile_serialization=False))
write("pth/parameter.pickle", pickle_of(torch_save({"w": nn.Parameter(base[0]), "d": torch.device("cpu")})))
write("pth/module.pickle", pickle_of(torch_save(nn.Linear(1, 1))))  # refused: names a class
write("pth/system.pickle", b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.")  # refused: names a function
write("pth/circle.pickle", b"\x80\x02}q\0(X\x01\0\0\0ah\0u.")  # a dict in itself
write("pth/deep.pickle", b"\x80\x02" + b"](" * 200 + b"e" * 200 + b".")
write("pth/sets.pickle", b"\x80\x04\x8f\x94(K\x01M\x02\x01J\x03\0\0\0\x90K\x04(K\x05\x911\x30N2\x30.")


# -------------------------------------------------------------------------------------------- arrays


def npy(array, version=None):
    file = io.BytesIO()
    numpy.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def npy_header(text, data=b""):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


for dtype in ["<f4", "<f8", "<i8", ">f4", "<u2"]:  # the last two are refused
    write(f"npy/{dtype[1:]}{'_big' if dtype[0] == '>' else ''}", npy(numpy.arange(6).reshape(2, 3).astype(dtype)))
write("npy/number", npy(numpy.float32(3)))
write("npy/none", npy(numpy.zeros((3, 0, 2), "<f8")))
write("npy/fortran", npy(numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))))
write("npy/version_2", npy(numpy.arange(2.0), (2, 0)))
write("npy/version_3", npy(numpy.arange(2.0), (3, 0)))
write("npy/overflow", npy_header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n"))
write("npy/other_order", npy_header(b'{"shape":(2,),"descr":"<f4","fortran_order":False}', bytes(8)))
write("npy/twice", npy_header(b"{'descr':'<f4','descr':'<f4','fortran_order':True,'shape':()}"))


# --------------------------------------------------------------------------------------------- CIFAR


def record(label):
    return bytes([label]) + bytes((label * 7 + i) % 256 for i in range(3072))


write("cifar/one", record(3))
write("cifar/two", record(0) + record(9))
write("cifar/label_10", record(10))
write("cifar/short", record(1)[:-1])
write("cifar/long", record(1) + b"\0")


# ------------------------------------------------------------------------------------------- pictures


def picture(mode, height=9, width=13):
    red, green = numpy.mgrid[0:height, 0:width]
    pixels = numpy.stack([red * 20, green * 15, (red + green) * 10], -1).astype("uint8")
    return Image.fromarray(pixels).convert(mode)


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(height, width, depth, colour, rows, interlaced=0, before=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    )


for mode in ["1", "L", "LA", "P", "RGB", "RGBA"]:
    write(f"image/{mode}.png", saved(picture(mode), "PNG"))
write("image/gray_16.png", png(2, 2, 16, 0, b"\0\x12\x34\x56\x78" * 2))
write("image/colour_16.png", png(1, 2, 16, 2, b"\0" + bytes(range(12))))
write("image/alpha_16.png", png(1, 1, 16, 6, b"\0" + bytes(range(8))))
write("image/gray_2.png", png(2, 4, 2, 0, b"\0\x1b" * 2))
write("image/interlaced.png", png(2, 2, 8, 2, b"\0" + bytes(3) + b"\0" + bytes(3) + b"\0" + bytes(6), 1))
write("image/palette_4.png", png(1, 2, 4, 3, b"\0\x12", 0, chunk(b"PLTE", bytes(range(9))) + chunk(b"tRNS", b"\0\x80")))
write("image/gamma.png", png(1, 1, 8, 2, b"\0abc", 0, chunk(b"gAMA", struct.pack(">I", 100000))))
write("image/colours.png", png(1, 1, 8, 2, b"\0abc", 0, chunk(b"cHRM", struct.pack(">8I", *range(30000, 38000, 1000)))))
write("image/text.png", png(1, 1, 8, 0, b"\0a", 0, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5000)))))
write("image/too_large.png", png(1 << 14, 1 << 14, 8, 0, b"\0"))
write("image/not_so_large.png", png(1 << 13, 1 << 13, 1, 0, b"\0"))
write("image/short.png", png(8, 8, 8, 0, b"\0" + bytes(8)))
for mode in ["L", "RGB", "CMYK"]:
    write(f"image/{mode}.jpg", saved(picture(mode), "JPEG", quality=60))
write("image/progressive.jpg", saved(picture("RGB", 17, 20), "JPEG", quality=60, progressive=True))
write("image/progressive_cmyk.jpg", saved(picture("CMYK"), "JPEG", quality=60, progressive=True))
write("image/subsampled_0.jpg", saved(picture("RGB", 17, 20), "JPEG", quality=60, subsampling=0))
write("image/subsampled_1.jpg", saved(picture("RGB", 17, 20), "JPEG", quality=60, subsampling=1))
write("image/restarts.jpg", saved(picture("RGB", 40, 40), "JPEG", quality=30, restart_marker_blocks=1))
write("image/optimized.jpg", saved(picture("RGB"), "JPEG", quality=60, optimize=True))
write("image/remarks.jpg", saved(picture("L"), "JPEG", quality=60, comment=b"said", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"))
baseline = saved(picture("RGB", 40, 40), "JPEG", quality=60)
at = baseline.index(b"\xff\xc0") + 5
write("image/too_large.jpg", baseline[:at] + b"\xff\xdc\xff\xdc" + baseline[at + 4 :])
write("image/not_so_large.jpg", baseline[:at] + b"\x20\x00\x20\x00" + baseline[at + 4 :])
write("image/truncated.jpg", baseline[:-60])
