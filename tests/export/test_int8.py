"""Networks in int8: batch norms are folded exactly, accuracy is measured, and what stays in float32 is named."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from budgetnet.errors import RequestError
from budgetnet.export import export as export_module
from budgetnet.export import formats as formats_module
from budgetnet.export.export import export_trial
from budgetnet.export.folder import INT8, ONNX, write_manifest
from budgetnet.export.int8.fold import fold_norms
from budgetnet.export.int8.quantise import quantise, run_onnx, with_accuracy
from budgetnet.training.data.load import load_dataset

CHANNELS = 4


def norm_model(path, *nodes, scale):
    """A small ONNX model: a 3x3 convolution, then *nodes*, whose batch norm has these scales."""
    generator = np.random.default_rng(0)
    values = {
        "weight": generator.normal(size=(CHANNELS, 1, 3, 3)),
        "bias": generator.normal(size=CHANNELS),
        "scale": scale,
        "offset": generator.normal(size=CHANNELS),
        "mean": generator.normal(size=CHANNELS),
        "variance": generator.uniform(0.5, 2, size=CHANNELS),
        "axes": [2, 3],
    }
    kinds = {"axes": np.int64}
    tensors = [
        numpy_helper.from_array(np.asarray(value, kinds.get(name, np.float32)), name) for name, value in values.items()
    ]
    conv = helper.make_node("Conv", ["images", "weight", "bias"], ["conv"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    shapes = (["batch", 1, 8, 8], ["batch", CHANNELS, None, None])
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in zip(("images", "logits"), shapes, strict=True)
    )
    graph = helper.make_graph([conv, *nodes], "small", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    return path


def norm(before, after="logits"):
    """A batch norm's node."""
    return helper.make_node("BatchNormalization", [before, "scale", "offset", "mean", "variance"], [after])


POOL = helper.make_node("MaxPool", ["conv"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2])


@pytest.mark.parametrize(
    ("nodes", "scale", "expected"),
    [
        ([norm("conv")], [1, -1, 2, 0.5], {"folded": 1, "depthwise": 0}),
        ([POOL, norm("pooled")], [1, 0.1, 2, 0.5], {"folded": 1, "depthwise": 0}),
        ([POOL, norm("pooled")], [1, -0.1, 2, 0.5], {"folded": 0, "depthwise": 1}),
        ([helper.make_node("Relu", ["conv"], ["act"]), norm("act")], [1, 1, 1, 1], {"folded": 0, "depthwise": 1}),
    ],
    ids=["behind-convolution", "behind-pooling", "behind-pooling-negative", "behind-activation"],
)
def test_norms_are_folded_exactly(tmp_path, nodes, scale, expected):
    """The outputs stay, and no batch norm is left."""
    source = norm_model(tmp_path / "source.onnx", *nodes, scale=scale)
    assert fold_norms(source, tmp_path / "folded.onnx") == expected
    kinds = [node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node]
    assert "BatchNormalization" not in kinds
    images = np.random.default_rng(1).normal(size=(3, 1, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(
        run_onnx(tmp_path / "folded.onnx", images), run_onnx(source, images), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("middle", "folded", "kinds"),
    [
        ((), 1, ["Conv", "Flatten", "Gemm"]),
        (("Relu",), 0, ["Conv", "Flatten", "Gemm", "Relu", "BatchNormalization"]),
    ],
    ids=["behind-linear", "behind-activation"],
)
def test_norms_of_vectors_are_folded_into_linear_layers(tmp_path, middle, folded, kinds):
    """The outputs stay; a norm that has no linear layer before it stays, too."""
    flatten = helper.make_node("Flatten", ["conv"], ["flat"])
    linear = helper.make_node("Gemm", ["flat", "matrix", "bias"], ["wide"], transB=1)
    between = [helper.make_node(kind, ["wide"], ["act"]) for kind in middle]
    last = norm("act" if middle else "wide")
    source = norm_model(tmp_path / "source.onnx", flatten, linear, *between, last, scale=[1, -1, 2, 0.5])
    model = onnx.load(source)
    matrix = np.random.default_rng(2).normal(size=(CHANNELS, CHANNELS * 64)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(matrix, "matrix"))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CHANNELS]))
    onnx.save(model, source)
    assert fold_norms(source, tmp_path / "folded.onnx") == {"folded": folded, "depthwise": 0}
    assert [node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node] == kinds
    images = np.random.default_rng(1).normal(size=(3, 1, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(
        run_onnx(tmp_path / "folded.onnx", images), run_onnx(source, images), rtol=1e-4, atol=1e-4
    )


def test_a_mean_over_height_and_width_becomes_a_global_pooling(tmp_path):
    """Quantisers know the pooling, not the mean."""
    mean = helper.make_node("ReduceMean", ["conv", "axes"], ["logits"], keepdims=1)
    source = norm_model(tmp_path / "source.onnx", mean, scale=[1, 1, 1, 1])
    fold_norms(source, tmp_path / "folded.onnx")
    assert [node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node] == ["Conv", "GlobalAveragePool"]
    images = np.random.default_rng(1).normal(size=(3, 1, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(run_onnx(tmp_path / "folded.onnx", images), run_onnx(source, images), rtol=1e-5)


def test_relus_move_in_front_of_max_poolings(tmp_path):
    """The same values, and the convolution's kernel includes the ReLU."""
    relu = helper.make_node("Relu", ["normed"], ["logits"])
    source = norm_model(tmp_path / "source.onnx", POOL, norm("pooled", "normed"), relu, scale=[1, 2, 3, 4])
    assert fold_norms(source, tmp_path / "folded.onnx") == {"folded": 1, "depthwise": 0}
    assert [node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node] == ["Conv", "Relu", "MaxPool"]
    images = np.random.default_rng(1).normal(size=(3, 1, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(
        run_onnx(tmp_path / "folded.onnx", images), run_onnx(source, images), rtol=1e-4, atol=1e-5
    )


def test_an_export_in_int8_is_whole_and_tested(exported, tmp_path):
    """Every operator of this network has an int8 kernel; its accuracy is near the float network's."""
    dataset = load_dataset("digits")
    found = quantise(exported.folder / ONNX, tmp_path / INT8, dataset.train)
    assert found.in_float == {}
    assert found.bytes == (tmp_path / INT8).stat().st_size
    tested = with_accuracy(found, tmp_path / INT8, exported.folder / ONNX, dataset.test())
    assert tested.test_images == 360
    assert tested.test_accuracy == pytest.approx(exported.run.test_accuracy, abs=0.03)
    assert tested.agreement > 0.9
    assert json.loads(json.dumps(tested.document()))["test_accuracy"] == tested.test_accuracy


def test_operators_without_int8_kernel_are_named(tmp_path):
    """GELU is computed in float32, so a network with it is not whole in int8."""
    gelu = helper.make_node("Gelu", ["conv"], ["act"])
    last = helper.make_node("Conv", ["act", "second"], ["logits"], kernel_shape=[1, 1])
    source = norm_model(tmp_path / "source.onnx", gelu, last, scale=[1, 1, 1, 1])
    model = onnx.load(source)
    second = np.random.default_rng(2).normal(size=(CHANNELS, CHANNELS, 1, 1)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(second, "second"))
    onnx.save(model, source)
    found = quantise(source, tmp_path / "int8.onnx", load_dataset("digits").train)
    assert found.in_float == {"Gelu": 1}


def test_int8_stands_in_record_and_card(trials, tmp_path, exported, monkeypatch):
    """With the float accuracy beside it; the folder's check compares its logits, and finds other ones."""
    monkeypatch.setattr(export_module, "write_formats", lambda *given, **_: _copy(exported.folder, given[2]))
    written = export_trial(trials, out=tmp_path / "out", formats="onnx", int8=True)
    told = json.loads((written.folder / "record.json").read_text())["int8"]
    assert told == json.loads(json.dumps(written.int8.document()))
    card = (written.folder / "README.md").read_text()
    assert f"| in int8 | {100 * told['test_accuracy']:.2f} % (" in card
    assert f"{told['bytes']:,} bytes" in card
    assert written.check.checks[-1].check == INT8

    from budgetnet.export.verify.folder_check import checks

    shutil.copyfile(written.folder / ONNX, written.folder / INT8)
    model = onnx.load(written.folder / INT8)
    (bias,) = (tensor for tensor in model.graph.initializer if list(tensor.dims) == [10])
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + 9, bias.name))
    onnx.save(model, written.folder / INT8)
    write_manifest(written.folder)
    *_, last = checks(written.folder)
    assert (last["check"], last["holds"]) == (INT8, False)


def _copy(folder, place):
    shutil.copyfile(folder / ONNX, place / ONNX)


def test_int8_without_its_libraries_is_refused_first(trials, tmp_path, monkeypatch):
    """With the command that installs them."""
    monkeypatch.setattr(formats_module, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(RequestError, match=r"--int8 needs onnx.* but onnxruntime is not installed; install them with"):
        export_trial(trials, out=tmp_path / "out", int8=True)
