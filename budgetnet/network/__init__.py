"""One architecture: shapes and costs in closed form, the expansion of grammars, torch modules, fvcore's count."""
