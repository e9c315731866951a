"""Networks as ExecuTorch programs for Cortex-M processors: int8 kernels of CMSIS-NN, planned memory."""
