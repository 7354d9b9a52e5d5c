"""A minimum of a function of few numbers by Bayesian optimization, in few evaluations.

The optimizer is Optuna's tree-structured Parzen estimator [1]_ [2]_. The authors of SpiCalib name
Bayesian optimization, and publish none.

References
----------
.. [1] Akiba, Sano, Yanase, Ohta, Koyama 2019, "Optuna: a next-generation hyperparameter
   optimization framework", doi 10.1145/3292500.3330701.
.. [2] Bergstra, Bardenet, Bengio, Kegl 2011, "Algorithms for hyper-parameter optimization", NIPS.
"""

from collections.abc import Callable, Sequence

import optuna


def minimum(
    objective: Callable[[tuple[float, ...]], float],
    bounds: Sequence[tuple[float, float]],
    evaluations: int,
    seed: int,
    first: Sequence[Sequence[float]] = (),
) -> tuple[tuple[float, ...], float]:
    """Numbers within bounds for which an objective is least.

    Parameters
    ----------
    objective : callable
        From as many numbers as there are bounds to a finite one.
    bounds : sequence of tuple of float
        Least and most of each, at least one.
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
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    names = [f"t{number}" for number in range(len(bounds))]
    for point in first:
        study.enqueue_trial(dict(zip(names, point, strict=True)))

    def value(trial: optuna.Trial) -> float:
        return objective(
            tuple(
                trial.suggest_float(name, least, most)
                for name, (least, most) in zip(names, bounds, strict=True)
            )
        )

    study.optimize(value, n_trials=evaluations)
    return tuple(study.best_params[name] for name in names), float(study.best_value)
