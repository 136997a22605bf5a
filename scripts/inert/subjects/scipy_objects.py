"""Sparse matrices, distributions, interpolators, trees and results of SciPy and statsmodels."""

# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def makers() -> dict[str, Callable[[], Any]]:
    """Values by label; each is made when it is saved."""
    import numpy as np
    from scipy import integrate, interpolate, optimize, signal, sparse, spatial, special, stats

    square = np.eye(4)
    grid = np.linspace(0, 1, 9)
    points = np.random.default_rng(0).random((12, 2))
    shapes: dict[str, Callable[[], Any]] = {
        f"sparse {name}": lambda name=name: [
            getattr(sparse, f"{name}_matrix")(square),
            getattr(sparse, f"{name}_array")(square),
        ]
        for name in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
    }
    distributions = [
        name for name in dir(stats) if isinstance(getattr(stats, name), stats.rv_continuous | stats.rv_discrete)
    ]
    shapes |= {f"distribution {name}": lambda name=name: getattr(stats, name) for name in distributions}
    return shapes | {
        "frozen": lambda: [
            stats.norm(0, 1),
            stats.uniform(0, 2),
            stats.randint(1, 9),
            stats.loguniform(1e-3, 1),
            stats.expon(),
        ],
        "frozen many": lambda: [
            stats.multivariate_normal([0, 0]),
            stats.dirichlet([1, 2]),
            stats.beta(1, 2),
            stats.poisson(3),
        ],
        "histogram": lambda: stats.rv_histogram(np.histogram([1.0, 2, 3])),
        "kde": lambda: stats.gaussian_kde([1.0, 2, 4]),
        "tests": lambda: [
            stats.ttest_ind([1, 2, 3], [2, 3, 5]),
            stats.pearsonr([1, 2, 3], [2, 3, 5]),
            stats.linregress(grid, grid),
        ],
        "interp1d": lambda: interpolate.interp1d(grid, grid, fill_value="extrapolate"),
        "splines": lambda: [
            interpolate.CubicSpline(grid, grid),
            interpolate.UnivariateSpline(grid, grid),
            interpolate.PchipInterpolator(grid, grid),
        ],
        "b-splines": lambda: [interpolate.make_interp_spline(grid, grid), interpolate.Akima1DInterpolator(grid, grid)],
        "grids": lambda: [
            interpolate.RegularGridInterpolator((grid,), grid),
            interpolate.RBFInterpolator(points, points),
        ],
        "scattered": lambda: [
            interpolate.NearestNDInterpolator(points, points[:, 0]),
            interpolate.LinearNDInterpolator(points, points),
        ],
        "trees": lambda: [spatial.KDTree(points), spatial.cKDTree(points)],
        "hulls": lambda: [spatial.ConvexHull(points), spatial.Delaunay(points)],
        "rotations": lambda: spatial.transform.Rotation.from_euler("z", 1.0),
        "optimum": lambda: [optimize.minimize(lambda x: (x**2).sum(), [1.0]), optimize.linprog([1], bounds=[(0, 1)])],
        "bounds": lambda: [optimize.Bounds([0], [1]), optimize.LinearConstraint(square), optimize.BFGS()],
        "signals": lambda: [
            signal.TransferFunction([1], [1, 2]),
            signal.StateSpace(1, 1, 1, 1),
            signal.dlti([1], [1, 2]),
        ],
        "functions": lambda: [
            special.expit,
            special.logit,
            special.gamma,
            integrate.quad,
            stats.norm.pdf,
            stats.spearmanr,
        ],
    }
