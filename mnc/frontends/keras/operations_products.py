"""Products of tensors with each other and with constants: matrices, Einstein's sums, attention."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.layers_attention import MASKED
from mnc.frontends.keras.operations import Operand, Operands, Result, operation
from mnc.frontends.keras.operations_arithmetic import combined, constant, without_batch
from mnc.frontends.keras.operations_compare import truth
from mnc.frontends.keras.operations_shape import permuted
from mnc.frontends.keras.products import weighed
from mnc.ir.layers import Add, Dense, MatMul, ReduceSum, Reshape, Softmax
from mnc.ir.types import Array

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
CONSTANT_PRODUCT = (
    "a constant may be a matrix or a vector on the right, or a matrix on the left; mnc has no other product"
)


@operation("Matmul", "x1 x2")
def matmul(op: Operands) -> Result:
    """The product of matrices; all axes but the last two are counted through."""
    transpose_a, transpose_b = (op.config.boolean(key, False) for key in ("transpose_a", "transpose_b"))
    op.config.only("adjoint_a", False)
    op.config.only("adjoint_b", False)
    op.config.ignore("a_is_sparse", "b_is_sparse")  # hints for speed
    a, b = op.operand("x1"), op.operand("x2")
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(MatMul(transpose_a, transpose_b), a, b)
    if isinstance(a, Value):
        assert not isinstance(b, Value)
        b = _matrix(b, len(a.shape) + 1)
        if b.ndim == 1 and not transpose_b:
            return op.emit(Reshape(a.shape[:-1]), _by_matrix(op, a, b[:, None], transpose_a, "product"))
        if b.ndim == 2:
            return _by_matrix(op, a, b.T if transpose_b else b, transpose_a)
    elif isinstance(b, Value) and len(b.shape) >= 2 and (matrix := _matrix(a, len(b.shape) + 1)).ndim == 2:
        left = matrix if transpose_a else matrix.T  # (A B) is the transpose of (B^T A^T)
        product = _by_matrix(op, b, left, not transpose_b, "product")
        return permuted(op, product, _exchanged(len(product.shape)))
    raise op.call.fault(CONSTANT_PRODUCT)


def _matrix(array: Array, rank: int) -> Array:
    """Without axes of one element in front, which count through nothing where the tensor has `rank` axes, or more."""
    while rank >= array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    return array


def _exchanged(rank: int) -> tuple[int, ...]:
    return (*range(rank - 2), rank - 1, rank - 2)


def _by_matrix(op: Operands, x: Value, matrix: Array, transposed: bool, part: str = "") -> Value:
    if transposed and len(x.shape) < 2:
        raise op.call.fault(CONSTANT_PRODUCT)
    if transposed:
        x = permuted(op, x, _exchanged(len(x.shape)), "transposed")
    return op.emit(Dense(constant(matrix)), x, part=part)


def _by_vector(op: Operands, x: Value, vector: Array) -> Value:
    """The sums of products along the last axis, which is gone."""
    return op.emit(Reshape(x.shape[:-1]), op.emit(Dense(constant(vector[:, None])), x, part="product"))


@operation("Dot", "x1 x2")
def dot(op: Operands) -> Result:
    """The sum of products along the last axis of a tensor and the first of a constant matrix or vector."""
    x, array = op.value("x1"), op.operand("x2")
    if isinstance(array, Value) or array.ndim not in (1, 2):
        raise op.call.fault(
            "x2 must be a constant matrix or vector: all other axes of both operands are axes of a dot product, so the "
            "batch would be there twice",
            "use keras.ops.matmul, which multiplies sample by sample",
        )
    if array.ndim == 2:
        return op.emit(Dense(constant(array)), x)
    return _by_vector(op, x, array)


@operation("Inner", "x1 x2")
def inner(op: Operands) -> Result:
    """The sum of products along the last axis of a tensor and that of a constant."""
    x, array = op.value("x1"), op.numbers("x2")
    if array.ndim == 1:
        return _by_vector(op, x, array)
    if array.ndim != 2:
        raise op.call.fault(CONSTANT_PRODUCT)
    return op.emit(Dense(constant(array.T)), x)


@operation("Tensordot", "x1 x2 axes", axes=2)
def tensordot(op: Operands) -> Result:
    """The sum of products of a tensor and a constant along pairs of axes."""
    x, array = op.value("x1"), op.numbers("x2")
    rank = len(x.shape) + 1
    stated = op.raw("axes")
    if isinstance(stated, int):
        own, other = list(range(rank - stated, rank)), list(range(stated))
    else:
        given = stated if isinstance(stated, (list, tuple)) else ()
        pairs = [list(each) if isinstance(each, (list, tuple)) else [each] for each in given]
        if len(pairs) != 2 or any(not isinstance(axis, int) for each in pairs for axis in each):
            raise op.call.fault(f"axes = {stated!r} must be a number or two lists of axes")
        own, other = ([axis % size for axis in each] for each, size in zip(pairs, (rank, array.ndim), strict=True))
    if 0 in own or len(own) != len(other) or any(axis >= array.ndim for axis in other):
        raise op.call.fault(f"axes = {stated!r} sum over the batch, or do not fit")
    left = LETTERS[:rank]
    right = [LETTERS[rank + k] for k in range(array.ndim)]
    for one, two in zip(own, other, strict=True):
        right[two] = left[one]
    out = "".join(letter for letter in (*left, *right) if (letter in left) != (letter in right))
    return weighed(op.call, x, array, (left[1:], "".join(right), out[1:]))


@operation("Einsum", "x1 x2 x3 x4")
def einsum(op: Operands) -> Result:
    """Einstein's sum of up to four operands, from the left to the right; tensors and result have the batch first."""
    operands = [op.operand(name) for name in ("x1", "x2", "x3", "x4") if name in op]
    terms, out = _letters(op, operands)
    if len(operands) == 1:
        return _alone(op, operands[0], terms[0], out, "")
    result, own = operands[0], terms[0]
    for i in range(1, len(operands)):
        last = i == len(operands) - 1
        later = out + "".join(terms[i + 1 :])
        goal = out if last else "".join(dict.fromkeys(letter for letter in own + terms[i] if letter in later))
        result, own = _multiplied(op, (result, own), (operands[i], terms[i]), goal, "" if last else f"of{i + 1}/"), goal
    assert isinstance(result, Value)
    return result


def _letters(op: Operands, operands: Sequence[Operand]) -> tuple[list[str], str]:
    """A letter for each axis of each operand and of the result; an ellipsis and a missing result are written out."""
    subscripts = op.raw("subscripts")
    if not isinstance(subscripts, str):
        raise op.call.fault("the subscripts are missing")
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow:
        plain = left.replace(",", "").replace(".", "")
        out = ("..." if "..." in left else "") + "".join(sorted(c for c in set(plain) if plain.count(c) == 1))
    if len(terms) != len(operands):
        raise op.call.fault(f"subscripts = {subscripts!r} do not fit {len(operands)} operands")
    free = [letter for letter in LETTERS if letter not in subscripts]
    ranks = [x.ndim if not isinstance(x, Value) else len(x.shape) + 1 for x in operands]
    most = max((n - len(term) + 3 for term, n in zip(terms, ranks, strict=True) if "..." in term), default=0)
    rest = "".join(free[: max(most, 0)])
    full = []
    for term, rank in zip(terms, ranks, strict=True):
        count = rank - len(term) + 3
        term = term.replace("...", rest[len(rest) - count :] if 0 < count <= len(rest) else "")
        if len(term) != rank or len(set(term)) != rank or not term.isalpha():
            raise op.call.fault(f"subscripts = {subscripts!r} are not supported, or do not fit")
        full.append(term)
    out = out.replace("...", rest)
    batches = {term[0] for term, x in zip(full, operands, strict=True) if isinstance(x, Value)}
    if batches != {out[:1]} or any(
        out[0] in term for x, term in zip(operands, full, strict=True) if not isinstance(x, Value)
    ):
        raise op.call.fault(f"subscripts = {subscripts!r} move the batch, or sum over it")
    if len(set(out)) != len(out) or not set(out) <= set("".join(full)):
        raise op.call.fault(f"subscripts = {subscripts!r} have a letter twice in the result, or there alone")
    return full, out


def _alone(op: Operands, x: Operand, term: str, out: str, part: str) -> Value:
    """One tensor summed over the axes that are not in the result, and its axes turned."""
    if not isinstance(x, Value):
        raise op.call.fault("the operation needs a tensor of the model")
    gone = tuple(k for k, letter in enumerate(term[1:]) if letter not in out)
    kept = [letter for letter in term[1:] if letter in out]
    order = tuple(kept.index(letter) for letter in out[1:])
    if not gone:
        return permuted(op, x, order, part)
    is_last = order == tuple(range(len(order)))
    summed = op.emit(ReduceSum(gone), x, part=part if is_last else f"{part}summed")
    return summed if is_last else permuted(op, summed, order, part)


def _multiplied(op: Operands, one: tuple[Operand, str], other: tuple[Operand, str], out: str, part: str) -> Value:
    """The sum of products of two operands, of which one at least is a tensor."""
    (a, left), (b, right) = one, other
    if not isinstance(a, Value):
        (a, left), (b, right) = other, one
    if not isinstance(a, Value):
        raise op.call.fault("the first two operands are constant; multiply them before the model is built")
    if not isinstance(b, Value):
        return weighed(op.part(part.rstrip("/")), a, b, (left[1:], right, out[1:]))
    # what only one operand has, and the result has not, is summed before
    reduced = []
    for x, own, theirs, name in ((a, left, right, "first"), (b, right, left, "second")):
        kept = "".join(letter for letter in own if letter in theirs + out)
        x = _alone(op, x, own, kept, f"{part}{name}_summed") if kept != own else x
        reduced.append((x, kept))
    return contracted(op, *reduced[0], *reduced[1], out, part)


def contracted(op: Operands, a: Value, left: str, b: Value, right: str, out: str, part: str = "") -> Value:
    """The sum of products of two tensors, as one product of matrices."""
    left, right, out = left[1:], right[1:], out[1:]
    size = {**dict(zip(left, a.shape, strict=True)), **dict(zip(right, b.shape, strict=True))}
    both = [letter for letter in out if letter in left and letter in right]
    rows = [letter for letter in out if letter in left and letter not in right]
    columns = [letter for letter in out if letter in right and letter not in left]
    summed = [letter for letter in left if letter in right and letter not in out]

    def count(letters: Sequence[str]) -> int:
        return math.prod(size[letter] for letter in letters)

    def matrix(x: Value, own: str, first: list[str], second: list[str], name: str) -> Value:
        order = tuple(own.index(letter) for letter in (*both, *first, *second))
        shape = (*(size[letter] for letter in both), count(first), count(second))
        return op.emit(Reshape(shape), permuted(op, x, order, f"{part}{name}_turned"), part=f"{part}{name}")

    first, second = matrix(a, left, rows, summed, "first"), matrix(b, right, summed, columns, "second")
    product = op.emit(MatMul(), first, second, part=f"{part}product")
    letters = [*both, *rows, *columns]
    whole = op.emit(Reshape(tuple(size[letter] for letter in letters)), product, part=f"{part}axes")
    return permuted(op, whole, tuple(letters.index(letter) for letter in out), part.rstrip("/"))


# Attention


@operation("DotProductAttention", "query key value bias mask scale is_causal")
def dot_product_attention(op: Operands) -> Result:
    """Means of values (steps, heads, size), weighed by the softmax of the products of queries and keys."""
    query, key, value = (op.value(name) for name in ("query", "key", "value"))
    op.config.ignore("flash_attention")
    op.config.only("attn_logits_soft_cap", None)
    if any(len(x.shape) != 3 for x in (query, key, value)) or len({x.shape[1] for x in (query, key, value)}) != 1:
        raise op.call.fault("query, key and value must be (steps, heads, size), with equally many heads")
    heads = [
        permuted(op, x, (1, 0, 2), f"{part}_heads") for x, part in ((query, "query"), (key, "key"), (value, "value"))
    ]
    scale = op.config.number("scale", 1.0 / math.sqrt(query.shape[2]))
    scores = op.emit(MatMul(transpose_b=True), heads[0], heads[1], part="products")
    scores = op.affine(scores, scale, part="scaled")
    if "bias" in op:
        scores = combined(op, Add, scores, _of_scores(op, "bias"), "biased")
    hidden = np.zeros(scores.shape[1:])
    if op.config.boolean("is_causal", False):
        hidden = np.triu(np.ones(scores.shape[1:]), 1)
    if hidden.any():
        scores = op.emit(Add(operand=constant(hidden * MASKED)), scores, part="causal")
    if "mask" in op:
        mask = _of_scores(op, "mask")
        if isinstance(mask, Value):
            seen = op.affine(truth(op, mask, "mask"), -MASKED, MASKED, part="hidden")
            scores = op.emit(Add(), scores, seen, part="masked")
        else:
            scores = op.emit(Add(operand=constant(np.where(mask != 0.0, 0.0, MASKED))), scores, part="masked")
    weights = op.emit(Softmax(-1), scores, part="weights")
    return permuted(op, op.emit(MatMul(), weights, heads[2], part="means"), (1, 0, 2))


def _of_scores(op: Operands, name: str) -> Operand:
    """An argument that is added to scores (heads, queries, keys)."""
    given = op.operand(name)
    return given if isinstance(given, Value) else without_batch(op, given, 3)
