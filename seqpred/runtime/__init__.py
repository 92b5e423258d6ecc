"""Inference backends without torch, and the ONNX graph."""
