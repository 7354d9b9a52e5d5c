"""Quantiles of activations chosen by Bayesian optimization: a tree-structured Parzen estimator.

The optimizer is Optuna's TPE [1]_; the authors of SpiCalib name Bayesian optimization and publish
none. It searches ``t = -log10(1 - q)``, in which steps of a quantile q near 1 are as large as they
matter, and begins with the fixed quantiles that it is compared with: what it chooses is on the
crops never worse than the best of those.

References
----------
.. [1] Akiba, Sano, Yanase, Ohta, Koyama 2019, "Optuna: a next-generation hyperparameter
   optimization framework", doi 10.1145/3292500.3330701; Bergstra, Bardenet, Bengio, Kegl
   2011, "Algorithms for hyper-parameter optimization".
"""

from collections.abc import Callable, Sequence

import optuna

LEAST, MOST = 1.0, 5.0
"""Of t: quantiles of 0.9 and 0.99999."""


def quantile(t: float) -> float:
    """The quantile that a number t of the search stands for, ``1 - 10**-t``."""
    return float(1 - 10.0**-t)


def minimum(
    objective: Callable[[tuple[float, ...]], float],
    n_numbers: int,
    evaluations: int,
    seed: int,
    first: Sequence[Sequence[float]] = (),
) -> tuple[tuple[float, ...], float]:
    """Numbers from `LEAST` to `MOST` for which an objective is least.

    Parameters
    ----------
    objective : callable
        From so many numbers to a finite one.
    n_numbers : int
        At least 1.
    evaluations : int
        Of the objective, at least 1, those of ``first`` among them.
    seed : int
        The same seed, objective and machine give the same numbers.
    first : sequence
        Points to begin with, in this order; more than ``evaluations`` are left out.

    Returns
    -------
    tuple of float
        The point of the least value seen.
    float
        That value.
    """
    # Its own messages, one for each evaluation, say nothing that the log of a run does not.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=min(8, max(len(first), 4)), multivariate=n_numbers > 1
    )
    study = optuna.create_study(sampler=sampler)
    names = [f"t{number}" for number in range(n_numbers)]
    for point in first:
        study.enqueue_trial(dict(zip(names, point, strict=True)))

    def value(trial: optuna.Trial) -> float:
        return objective(tuple(trial.suggest_float(name, LEAST, MOST) for name in names))

    study.optimize(value, n_trials=evaluations)
    return tuple(study.best_params[name] for name in names), float(study.best_value)
