"""Runs one source network, as its own authors' packages build it; a script for an environment that has those packages.

    python source_networks.py NAME WEIGHTS IMAGES.npy OUTPUT.npy

IMAGES are normalised, [b 3 H W]. Nothing of the project is imported here: the comparison is with the source.
"""

import os
import sys

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def efficientnet_lite(size: int, weights: str, images: Array) -> Array:
    """Logits ``[b 1000]``."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    torch.set_num_threads(1)
    net = EfficientNet.from_name(f"efficientnet-lite{size}")
    net.load_state_dict(torch.load(weights, weights_only=True))
    net.eval()
    with torch.no_grad():
        return np.asarray(net(torch.from_numpy(images)).numpy())


def mobilenet_v2(weights: str, images: Array) -> Array:
    """Probabilities ``[b 19]``."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    net = keras.models.load_model(weights, compile=False)
    return np.asarray(net.predict(images.transpose(0, 2, 3, 1), verbose=0))


def saliency_vit(weights: str, images: Array) -> Array:
    """Tokens ``[b 257 384]`` after the last normalisation: class token, then patches by rows."""
    import onnx
    import onnxruntime

    file = onnx.load(weights)
    tokens = onnx.ValueInfoProto(name="/backbone/layernorm/Add_1_output_0")
    file.graph.output.append(tokens)
    session = onnxruntime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([tokens.name], {"input_image": images})[0])


def main(name: str, weights: str, images_path: str, output_path: str) -> None:
    images: Array = np.load(images_path)
    if name.startswith("efficientnet-lite"):
        output = efficientnet_lite(int(name[-1]), weights, images)
    else:
        output = {"mobilenet-v2": mobilenet_v2, "saliency-vit-s14": saliency_vit}[name](weights, images)
    np.save(output_path, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
