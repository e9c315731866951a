"""Search: study files, samplers, storage, workers, finalists. Import from the modules; this file loads nothing."""
