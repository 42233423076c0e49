"""Writes all-MiniLM-L6-v2 as an ONNX graph in float32, with fused operators of ONNX Runtime where they are faster.

Source: Devlin et al., "BERT", 2019, for the encoder; Wang et al., "MiniLM", 2020, for these weights; Reimers, Gurevych,
"Sentence-BERT", 2019, for the mean over the word pieces. One vector of a text of pieces t = 1..T is

    h      = LayerNorm(word[t] + position[t] + segment[0])
    h      = LayerNorm(h + Attention(h));  h = LayerNorm(h + W2 gelu(W1 h + b1) + b2)      six times
    vector = sum(h_t over pieces that are no padding), divided by its length

The mean differs from the sum by a factor that the division by the length takes out again. Gelu is the exact one, by erf.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.embeddings.weights import Weights

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
FUSED = "com.microsoft"  # the domain of ONNX Runtime's own operators
OPSET, IR_VERSION = 17, 8
PIECES, MASK, VECTORS = (
    "pieces",
    "mask",
    "vectors",
)  # inputs int32 [texts × pieces], output float32 [texts × WIDTH]


@dataclass(slots=True)
class _Sketch:
    """A graph being written: each call of `add` is one operator, and gives the name of its output."""

    weights: Weights
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        names = [f"{operator.lower()}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names[0]

    def constant(self, name: str, values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def matrix(self, name: str) -> str:
        """A layer's matrix, which the file holds as [outputs × inputs], turned to be multiplied from the right."""
        return self.constant(name, self.weights[name].T)

    def normed(self, name: str) -> tuple[str, str]:
        return self.weight(f"{name}.LayerNorm.weight"), self.weight(f"{name}.LayerNorm.bias")


def build(weights: Weights) -> bytes:
    """The serialised model."""
    sketch = _Sketch(weights)
    hidden = _embedded(sketch)
    for layer in range(LAYERS):
        hidden = _layer(sketch, hidden, f"encoder.layer.{layer}")
    _pooled(sketch, hidden)
    shape = ["texts", "length"]
    graph = helper.make_graph(
        sketch.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in (PIECES, MASK)],
        [helper.make_tensor_value_info(VECTORS, TensorProto.FLOAT, ["texts", WIDTH])],
        list(sketch.constants.values()),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())


def _embedded(sketch: _Sketch) -> str:
    segment = sketch.weights["embeddings.token_type_embeddings.weight"][0]
    # One text has one segment, 0: its row joins the positions'.
    positions = sketch.constant(
        "positions", sketch.weights["embeddings.position_embeddings.weight"] + segment
    )
    words = sketch.weight("embeddings.word_embeddings.weight")
    gamma, beta = sketch.normed("embeddings")
    inputs = (PIECES, "", words, positions, "", gamma, beta)
    return sketch.add("EmbedLayerNormalization", *inputs, domain=FUSED, outputs=2, epsilon=EPSILON)


def _layer(sketch: _Sketch, hidden: str, layer: str) -> str:
    parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
    matrix = np.hstack([sketch.weights[f"{part}.weight"].T for part in parts])
    bias = np.hstack([sketch.weights[f"{part}.bias"] for part in parts])
    asked = sketch.constant(f"{layer}.asked", matrix), sketch.constant(f"{layer}.asked_bias", bias)
    attended = sketch.add("Attention", hidden, *asked, MASK, domain=FUSED, num_heads=HEADS)
    hidden = _beside(sketch, hidden, attended, f"{layer}.attention.output")
    wide = sketch.add("MatMul", hidden, sketch.matrix(f"{layer}.intermediate.dense.weight"))
    wide = sketch.add("BiasGelu", wide, sketch.weight(f"{layer}.intermediate.dense.bias"), domain=FUSED)
    return _beside(sketch, hidden, wide, f"{layer}.output")


def _beside(sketch: _Sketch, hidden: str, change: str, name: str) -> str:
    """LayerNorm(hidden + W change + b), in plain operators: the fused SkipLayerNormalization takes three times as long."""
    change = sketch.add("MatMul", change, sketch.matrix(f"{name}.dense.weight"))
    change = sketch.add("Add", change, sketch.weight(f"{name}.dense.bias"))
    total = sketch.add("Add", change, hidden)
    return sketch.add("LayerNormalization", total, *sketch.normed(name), axis=-1, epsilon=EPSILON)


def _pooled(sketch: _Sketch, hidden: str) -> None:
    counted = sketch.add("Cast", MASK, to=TensorProto.FLOAT)
    row = sketch.add("Unsqueeze", counted, sketch.constant("middle", np.array([1], np.int64)))
    total = sketch.add("MatMul", row, hidden)
    flat = sketch.add("Squeeze", total, "middle")
    sketch.nodes.append(helper.make_node("LpNormalization", [flat], [VECTORS], axis=1, p=2))
