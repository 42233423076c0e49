"""Turns texts into vectors: 384 numbers of length 1, whose inner product says how much two texts are alike."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.arrays import Factors
from models.embeddings import graph
from models.embeddings.weights import TOKENIZER, folder, weights

RECIPE = 1  # raise it when the same texts come out as other vectors
DIMENSIONS = graph.WIDTH
LONGEST = 256  # word pieces; what comes after them is cut off, as the model was trained
BATCH = 32

Progress = Callable[[float], None]
Cut: TypeAlias = Sequence[Sequence[int]]  # texts as the numbers of their word pieces


@dataclass(frozen=True, slots=True)
class MiniLM:
    """The model, ready. Threads may share it, and processes must not: each loads its own."""

    tokenizer: Tokenizer
    session: Any  # onnxruntime has no types
    threads: int

    @classmethod
    def load(cls, *, threads: int = 1) -> "MiniLM":
        """Builds the graph in memory: 0.5 s and 250 MB. `threads` batches are computed at once. Raises ModelMissing.

        Each batch is one thread's: it comes out the same however many threads there are.
        """
        tokenizer = Tokenizer.from_file(str(folder() / TOKENIZER))
        tokenizer.no_padding()
        tokenizer.enable_truncation(LONGEST)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The graph is written as it runs best: a higher level would fuse what is slower fused (graph.py).
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        model = graph.build(weights())
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return cls(tokenizer, session, threads)

    def embed(self, texts: Sequence[str], *, batch: int = BATCH, progress: Progress | None = None) -> Factors:
        """The vectors of the texts [texts × DIMENSIONS], in their order; `progress` hears the part done, 0 to 1.

        Texts of like length are computed together, so that hardly any padding is.
        """
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        cut = [coded.ids for coded in self.tokenizer.encode_batch_fast(list(texts))]
        by_length = np.argsort([len(pieces) for pieces in cut], kind="stable")
        rows = [by_length[start : start + batch] for start in range(0, len(by_length), batch)]
        batches = [[cut[row] for row in some] for some in rows]
        done, whole = 0, sum(map(len, cut))
        for some, pieces, found in zip(rows, batches, self._each(batches), strict=True):
            vectors[some] = found
            done += sum(map(len, pieces))
            if progress is not None:
                progress(done / whole)
        return vectors

    def _each(self, batches: Sequence[Cut]) -> Iterator[Factors]:
        """The vectors of each batch, several batches at once where there are threads for it."""
        if self.threads == 1 or len(batches) == 1:
            yield from map(self._run, batches)
            return
        with ThreadPoolExecutor(self.threads) as threads:
            yield from threads.map(self._run, batches)

    def _run(self, cut: Cut) -> Factors:
        """The vectors of one batch of texts."""
        longest = max(map(len, cut))
        pieces: NDArray[np.int32] = np.zeros((len(cut), longest), dtype=np.int32)
        mask = np.zeros_like(pieces)
        for row, numbers in enumerate(cut):
            pieces[row, : len(numbers)] = numbers
            mask[row, : len(numbers)] = 1
        answer: Factors = self.session.run([graph.VECTORS], {graph.PIECES: pieces, graph.MASK: mask})[0]
        return answer
