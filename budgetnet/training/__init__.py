"""Training: data sets, augmentation, recipes, `fit` and `evaluate`.

Import from the modules (``from budgetnet.training.fit import fit``): this file stays empty, so that reading a data
set's shape (`data.known`, `data.sources`) or checking a recipe (`recipe`) does not load torch.
"""
