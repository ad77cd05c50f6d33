# SPDX-License-Identifier: Apache-2.0
"""real_examples.py - the examples of frameworks without an adapter: boosting, scikit-learn, JAX."""

import importlib.util
import unittest

from adapter_lab import AdapterCase


def needs(*names):
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return unittest.skipIf(missing, f"{', '.join(missing)} is not installed")


class Examples(AdapterCase):
    @needs("lightgbm", "sklearn")
    def test_boosting(self):
        self.check_example("boosting")
        self.hot_equals_reloaded("boosting", {"lr": 0.1, "bagging": 0.8, "leaves": 15}, 5,
                                 {"lr": 0.05, "bagging": 0.5, "leaves": 7})

    @needs("sklearn")
    def test_sklearn(self):
        self.check_example("sklearn")
        self.hot_equals_reloaded("sklearn", {"eta0": 0.01, "alpha": 1e-4}, 20,
                                 {"eta0": 0.1, "alpha": 1e-3},
                                 same_bytes=False)  # a pickle's bytes depend on object identities

    @needs("jax")
    def test_jax(self):
        self.check_example("jax")
        self.hot_equals_reloaded("jax", {"lr": 0.01, "momentum": 0.9}, 20,
                                 {"lr": 0.1, "momentum": 0.5})


if __name__ == "__main__":
    unittest.main(verbosity=2)
