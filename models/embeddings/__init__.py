"""Vectors of texts: all-MiniLM-L6-v2 on ONNX Runtime, so that songs with similar words lie close together."""

NAME = "all-MiniLM-L6-v2"  # here, so that those who only serve its vectors need not load the model
