"""The joint imputation model: multivariate normal visits, its parameters drawn from their posterior distribution.

y_i ~ N(mu_i, Sigma), mu_ij = a_j,cell + x_i' g_j: a mean per visit and cell (an arm, or an arm before and after the
event) and coefficients of the covariates per visit. The prior is flat in the coefficients and |Sigma|^-(J+1)/2 in the
covariance (Jeffreys; SAS PROC MI's default). Data augmentation (Schafer 1997, chapter 5) alternates

- the coefficients given Sigma, from their normal distribution given the observed values (generalised least squares),
- the missing residuals given both, normal, and Sigma given all residuals, inverse Wishart.

All matrices of one step are made at once, one per pattern of missing values.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from evidence_lib.errors import DataError
from evidence_lib.statistics.inputs import Counts, Flags, Floats

# A correlation matrix whose smallest eigenvalue is below this belongs to visits that determine each other.
SINGULAR = 1e-9
# A column of a design whose part orthogonal to the others is below this share of its length is a combination of them.
COLLINEAR = 1e-8
MEND = "use fewer visits or covariates, or one covariance matrix for all arms"


@dataclass(frozen=True, eq=False)
class Model:
    """What is to be fitted.

    ``values`` (n, J) are the outcomes, NaN where missing or not to be used; ``cell`` (n, J) says which mean holds for
    a subject at a visit, of ``cells`` means; ``group`` (n,) whose covariance matrix, of ``groups``. ``visits`` are the
    names of the visits.
    """

    visits: tuple[Hashable, ...]
    values: Floats
    covariates: Floats
    cell: Counts
    cells: int
    group: Counts
    groups: int

    @property
    def estimable(self) -> Flags:
        """Which means (J, cells) have a value to be estimated from."""
        seen = ~np.isnan(self.values)
        return np.stack([(seen & (self.cell == one)).any(axis=0) for one in range(self.cells)], axis=1)


@dataclass(frozen=True, eq=False)
class Parameters:
    """m draws: ``means`` (m, J, cells), NaN where not estimable; ``slopes`` (m, J, q); ``sigma`` (m, groups, J, J)."""

    means: Floats
    slopes: Floats
    sigma: Floats


def drawn(model: Model, *, imputations: int, burn_in: int, thin: int, rng: np.random.Generator) -> Parameters:
    """Draws from the posterior: the state after ``burn_in`` steps, then after every ``thin`` further ones.

    Raises DataError where the data cannot tell the parameters.
    """
    enough(model)
    full_rank(model)
    sampler = _Sampler(model, rng)
    means, slopes, sigmas = [], [], []
    for step in range(burn_in + (imputations - 1) * thin + 1):
        try:
            beta = sampler.step()
        except np.linalg.LinAlgError:
            raise singular() from None
        if step >= burn_in and (step - burn_in) % thin == 0:
            means.append(beta[:, : model.cells])
            slopes.append(beta[:, model.cells :])
            sigmas.append(sampler.sigma.copy())
    found = Parameters(np.stack(means), np.stack(slopes), np.stack(sigmas))
    spread = np.sqrt(np.einsum("mgjj->mgj", found.sigma))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = found.sigma / (spread[..., :, None] * spread[..., None, :])
    if not np.isfinite(correlation).all() or np.linalg.eigvalsh(correlation).min() < SINGULAR:
        raise singular()
    return found


def singular() -> DataError:
    """The error for visits that determine each other, or a visit without variation."""
    return DataError(
        "the covariance matrix of the visits is singular: a visit is a combination of others, or does not vary",
        where="multiple imputation",
        mend=MEND,
    )


def enough(model: Model) -> None:
    """Raise DataError where too few subjects were seen for the parameters that a visit needs."""
    seen = ~np.isnan(model.values)
    visits = seen.shape[1]
    for group in range(model.groups):
        inside = seen[model.group == group]
        cells = np.array(
            [np.unique(model.cell[model.group == group][inside[:, j], j]).size for j in range(visits)], dtype=np.int64
        )
        # Below this the posterior of a variance, given the other visits and the mean parameters, is improper.
        needed = cells + model.covariates.shape[1] + visits
        together = inside.T.astype(np.int64) @ inside.astype(np.int64)
        short = together < np.maximum(needed[:, None], needed[None, :])
        if short.any():
            j, other = (int(place) for place in np.argwhere(short)[0])
            names = model.visits[min(j, other)], model.visits[max(j, other)]
            where = f"visit {names[0]}" if j == other else f"visits {names[0]} and {names[1]} together"
            raise DataError(
                f"too few subjects were seen at {where} to fit the imputation model",
                where="multiple imputation",
                expected=f"{max(needed[j], needed[other])} or more, for {visits} visits",
                found=str(together[j, other]),
                mend=MEND,
            )


def full_rank(model: Model) -> None:
    """Raise DataError where the subjects seen at a visit do not tell the coefficients of the covariates apart."""
    seen, estimable = ~np.isnan(model.values), model.estimable
    for j, name in enumerate(model.visits):
        means = model.cell[:, j, None] == np.flatnonzero(estimable[j])
        _, root = np.linalg.qr(np.column_stack([means, model.covariates])[seen[:, j]])
        if (np.abs(np.diag(root)) <= COLLINEAR * np.sqrt((root**2).sum(axis=0))).any():
            raise DataError(
                f"among the subjects seen at visit {name} a covariate is a combination of others, or does not vary",
                where="multiple imputation",
                mend="leave that covariate out",
            )


class _Sampler:
    """The state of the chain, and what does not change from step to step."""

    def __init__(self, model: Model, rng: np.random.Generator) -> None:
        self.rng = rng
        seen = ~np.isnan(model.values)
        self.seen, self.n, self.visits = seen, *seen.shape
        onehot = model.cell[:, :, None] == np.arange(model.cells)
        repeated = np.broadcast_to(model.covariates[:, None, :], (*seen.shape, model.covariates.shape[1]))
        # (n, J, k): the row of the design at each visit, 0 where there is no value.
        self.design = np.concatenate([onehot, repeated], axis=2) * seen[:, :, None]
        self.values = np.where(seen, model.values, 0.0)
        k = self.design.shape[2]
        self.active = np.concatenate([model.estimable, np.ones((self.visits, k - model.cells), bool)], axis=1).ravel()
        self.groups = [np.flatnonzero(model.group == group) for group in range(model.groups)]
        keys = np.column_stack([model.group, seen])
        patterns, self.pattern = np.unique(keys, axis=0, return_inverse=True)
        self.pattern = self.pattern.reshape(-1)
        self.group_of, self.kept = patterns[:, 0].astype(np.int64), patterns[:, 1:].astype(bool)
        sums = [(self.design[self.pattern == p], self.values[self.pattern == p]) for p in range(len(patterns))]
        # Sums over the subjects of each pattern: of z_j z_l' (J, J, patterns, k k) and of z_j y_l (J, patterns J, k).
        cross = np.stack([np.einsum("ija,ilb->jlab", z, z) for z, _ in sums], axis=2)
        self.cross = cross.reshape(self.visits, self.visits, len(patterns), k * k)
        moments = np.stack([np.einsum("ija,il->jla", z, y) for z, y in sums], axis=1)
        self.moments = moments.reshape(self.visits, len(patterns) * self.visits, k)
        self.both = self.kept[:, :, None] & self.kept[:, None, :]
        self.gaps = ~self.kept[:, :, None] & ~self.kept[:, None, :]
        self.eye = np.eye(self.visits)
        self.sigma = self._start()

    def _start(self) -> Floats:
        """Independent visits, each with its variance about the arm means: the chain forgets it in the burn-in."""
        count = self.seen.sum(axis=0)
        middle = self.values.sum(axis=0) / count
        variance = (np.where(self.seen, self.values - middle, 0.0) ** 2).sum(axis=0) / count
        if (variance <= 0).any():
            raise singular()
        return np.repeat(np.diag(variance)[None], len(self.groups), axis=0)

    def step(self) -> Floats:
        """One step; the coefficients (J, k) that it drew, NaN where not estimable."""
        sigma = self.sigma[self.group_of]
        # A pattern's covariance among its observed visits, filled up with ones so that all have one size.
        weight = np.linalg.inv(np.where(self.both, sigma, self.eye)) * self.both
        beta = self._coefficients(weight)
        residual = np.where(self.seen, self.values - np.einsum("ijk,jk->ij", self.design, beta), 0.0)
        slope = sigma @ weight
        regression = np.where(self.kept[:, :, None], 0.0, slope)
        root = np.linalg.cholesky(np.where(self.gaps, sigma - slope @ sigma, self.eye)) * self.gaps
        noise = self.rng.standard_normal((self.n, self.visits))
        moves = np.concatenate([regression, root], axis=2)[self.pattern]
        residual = residual + (moves @ np.concatenate([residual, noise], axis=1)[:, :, None])[:, :, 0]
        self.sigma = np.stack([inverse_wishart(residual[rows], self.rng) for rows in self.groups])
        return np.where(self.active, beta.ravel(), np.nan).reshape(beta.shape)

    def _coefficients(self, weight: Floats) -> Floats:
        """Coefficients (J, k), 0 where not estimable."""
        size, k = self.active.size, self.design.shape[2]
        blocks = (weight.transpose(1, 2, 0)[:, :, None, :] @ self.cross).reshape(self.visits, self.visits, k, k)
        information = blocks.transpose(0, 2, 1, 3).reshape(size, size)[np.ix_(self.active, self.active)]
        score = (weight.transpose(1, 0, 2).reshape(self.visits, 1, -1) @ self.moments).ravel()
        root = np.linalg.cholesky(information)
        noise = self.rng.standard_normal(root.shape[0])
        beta = np.zeros(size)
        # root root' b = score for the mean; root' e = noise for a normal error with the inverse information.
        beta[self.active] = np.linalg.solve(root.T, np.linalg.solve(root, score[self.active]) + noise)
        return beta.reshape(self.visits, k)


def inverse_wishart(residual: Floats, rng: np.random.Generator) -> Floats:
    """A covariance matrix given n residuals (n, J) under the prior |Sigma|^-(J+1)/2: inverse Wishart with n df.

    By Bartlett's decomposition: Sigma = L (T T')^-1 L' with L L' = S and T lower triangular, T_jj^2 chi-square with
    n - j + 1 df and standard normal numbers below.
    """
    n, visits = residual.shape
    triangle = np.tril(rng.standard_normal((visits, visits)), -1)
    triangle[np.diag_indices(visits)] = np.sqrt(rng.chisquare(n - np.arange(visits)))
    half = np.linalg.solve(triangle, np.linalg.cholesky(residual.T @ residual).T).T
    return half @ half.T
