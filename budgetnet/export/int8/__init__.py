"""Networks in int8: post-training quantisation in ONNX, and what it costs in accuracy."""
