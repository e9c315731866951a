"""Training: data sets, augmentation, recipes, `fit` and `evaluate`.

Import from the modules (``from budgetnet.training.fit import fit``): this file stays empty so that asking for a
data set's shape (`datasets_table`, `sources`) or checking a recipe (`recipe`) does not load torch.
"""
