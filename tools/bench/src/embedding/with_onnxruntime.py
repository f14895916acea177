"""Embeds batches of texts with onnxruntime on one thread, with the weights of the directory that is named.

Each line of the input is a batch, a JSON list of texts. Each line of the output is its answer: the seconds that it took,
from the texts to unit vectors, and the vectors. The first line of the output tells the versions.

The graph is made of onnxruntime's own fused operators, which its optimiser for BERT makes of an exported model.
"""

import json
import pathlib
import sys
import time

import numpy
import onnxruntime
import safetensors.numpy
import tokenizers
from onnx import TensorProto, helper, numpy_helper

HEADS = 12
LAYERS = 6
MAX_TOKENS = 256
FUSED = "com.microsoft"


class Graph:
    """Operators in the order in which they run, and the weights that they use."""

    def __init__(self, weights):
        self.weights, self.used, self.nodes = weights, {}, []

    def weight(self, *names, transposed=False):
        """Weights side by side, as one input of an operator."""
        found = [self.weights[name].T if transposed else self.weights[name] for name in names]
        value = numpy.ascontiguousarray(numpy.concatenate(found, axis=-1))
        self.used[names[0]] = numpy_helper.from_array(value, names[0])
        return names[0]

    def add(self, operator, inputs, outputs, domain=FUSED, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))

    def linear(self, name, value, output):
        """A product without its bias, which the next operator adds."""
        self.add("MatMul", [value, self.weight(f"{name}.weight", transposed=True)], [output], domain="")
        return self.weight(f"{name}.bias")

    def skip_norm(self, name, value, skipped, bias, output):
        inputs = [value, skipped, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), bias]
        self.add("SkipLayerNormalization", inputs, [output], epsilon=1e-12)

    def encoder(self):
        table = "embeddings.{}.weight".format
        tables = [self.weight(table(f"{it}_embeddings")) for it in ("word", "position", "token_type")]
        norm = [self.weight(table("LayerNorm")), self.weight("embeddings.LayerNorm.bias")]
        self.add("EmbedLayerNormalization", ["ids", "segments", *tables, *norm, "mask"], ["hidden.0", "lengths"], epsilon=1e-12)
        for number in range(LAYERS):
            self.layer(f"encoder.layer.{number}", f"hidden.{number}", f"hidden.{number + 1}")

    def layer(self, name, hidden, output):
        maps = [f"{name}.attention.self.{it}" for it in ("query", "key", "value")]
        weight = self.weight(*(f"{it}.weight" for it in maps), transposed=True)
        bias = self.weight(*(f"{it}.bias" for it in maps))
        self.add("Attention", [hidden, weight, bias, "lengths"], [f"{name}.mixed"], num_heads=HEADS)
        bias = self.linear(f"{name}.attention.output.dense", f"{name}.mixed", f"{name}.attended")
        self.skip_norm(f"{name}.attention.output.LayerNorm", f"{name}.attended", hidden, bias, f"{name}.norm")
        bias = self.linear(f"{name}.intermediate.dense", f"{name}.norm", f"{name}.wide")
        self.add("BiasGelu", [f"{name}.wide", bias], [f"{name}.gelu"])
        bias = self.linear(f"{name}.output.dense", f"{name}.gelu", f"{name}.narrow")
        self.skip_norm(f"{name}.output.LayerNorm", f"{name}.narrow", f"{name}.norm", bias, output)

    def model(self):
        self.encoder()
        inputs = [helper.make_tensor_value_info(it, TensorProto.INT32, ["texts", "tokens"]) for it in ("ids", "segments", "mask")]
        outputs = [helper.make_tensor_value_info(f"hidden.{LAYERS}", TensorProto.FLOAT, ["texts", "tokens", 384])]
        graph = helper.make_graph(self.nodes, "encoder", inputs, outputs, list(self.used.values()))
        versions = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=versions, ir_version=8).SerializeToString()


class Embedder:
    def __init__(self, directory):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = Graph(safetensors.numpy.load_file(directory / "model.safetensors")).model()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()  # To the longest text of the batch.

    def embed(self, texts):
        found = self.tokenizer.encode_batch_fast(texts)
        ids = numpy.array([it.ids for it in found], dtype=numpy.int32)
        mask = numpy.array([it.attention_mask for it in found], dtype=numpy.int32)
        (hidden,) = self.session.run(None, {"ids": ids, "segments": numpy.zeros_like(ids), "mask": mask})
        # Of the same direction as the mean, which has the same unit vector.
        sums = numpy.einsum("btw,bt->bw", hidden, mask.astype(numpy.float32))
        return sums / numpy.linalg.norm(sums, axis=1, keepdims=True)


def main():
    embedder = Embedder(pathlib.Path(sys.argv[1]))
    print(f"onnxruntime {onnxruntime.__version__}, tokenizers {tokenizers.__version__}", flush=True)
    for line in sys.stdin:
        texts = json.loads(line)
        began = time.perf_counter()
        vectors = embedder.embed(texts)
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, "vectors": vectors.tolist()}), flush=True)


main()
