"""The deterministic tails of correlated normal variables, against closed forms, other integrals and R."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.special import ndtr

from evidence_lib.statistics.multivariate_normal import two_sided_tail, upper_tail

# 1 - pmvnorm(upper = rep(b, 4), corr = r, algorithm = Miwa(4097)), then lower = rep(-b, 4); R 4.2.2, mvtnorm 1.1-3
FOUR = np.array([[1, 0.5, 0.3, 0.2], [0.5, 1, 0.6, 0.1], [0.3, 0.6, 1, 0.4], [0.2, 0.1, 0.4, 1]])
BY_R = {
    0.3: (0.735091981611905, 0.995129649651115),
    1: (0.405859181961908, 0.731230750828962),
    2.2: (0.0482441383619562, 0.096198661784911),
}


def correlation(rows: np.ndarray) -> np.ndarray:
    """The correlation of the variables whose loadings are the rows."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.clip(rows @ rows.T, -1, 1)


def equal(m: int, r: float) -> np.ndarray:
    return np.where(np.eye(m, dtype=bool), 1.0, r)


@pytest.mark.parametrize("bound", BY_R)
def test_four_variables_as_in_r(bound: float) -> None:
    assert (upper_tail(bound, FOUR), two_sided_tail(bound, FOUR)) == pytest.approx(BY_R[bound], abs=1e-10)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [(-0.5, 0.900383442526854), (1, 0.325994319961628), (2.2, 0.036320265264229), (4, 9.33529173575698e-05)],
)
def test_three_variables_as_in_r(bound: float, expected: float) -> None:
    # 1 - pmvnorm(upper = rep(b, 3), corr = r[1:3, 1:3], algorithm = TVPACK(1e-14))
    assert upper_tail(bound, FOUR[:3, :3]) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("r", [-0.9999, -0.6, 0, 0.3, 0.95, 1 - 1e-9, 1])
def test_orthants_have_a_closed_form(r: float) -> None:
    assert upper_tail(0, equal(2, r)) == pytest.approx(0.75 - math.asin(r) / (2 * math.pi), abs=1e-9)
    loadings = np.random.default_rng(1).normal(size=(3, 3))
    three = correlation(loadings + 10 * r)
    angles = sum(math.asin(three[i, j]) for i, j in itertools.combinations(range(3), 2))
    assert upper_tail(0, three) == pytest.approx(0.875 - angles / (4 * math.pi), abs=1e-9)


@pytest.mark.parametrize("m", [2, 3, 4, 5])
@pytest.mark.parametrize("r", [0.0, 0.2, 0.7, 0.97, 0.9999])
def test_equal_correlations_as_one_integral(m: int, r: float) -> None:
    # Z_i = sqrt(r) X + sqrt(1 - r) Y_i with independent parts; the rectangle rule is exact for so smooth an integrand.
    x = np.arange(-9, 9, 2e-4)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    for bound in (0.4, 1.8, 3.5):
        for tail, low in ((upper_tail, -math.inf), (two_sided_tail, -bound)):
            above, below = (ndtr((limit - math.sqrt(r) * x) / math.sqrt(1 - r)) for limit in (bound, low))
            expected = 1 - 2e-4 * float((density * (above - below) ** m).sum())
            assert tail(bound, equal(m, r)) == pytest.approx(expected, abs=1e-9)


def on_a_plane(bound: float, angles: np.ndarray, *, two_sided: bool) -> float:
    """The tail of cos(angle_i - direction) times a Rayleigh radius, as an integral over the direction."""
    direction = (np.arange(2**19) + 0.5) * 2 * math.pi / 2**19
    height = np.cos(direction[:, None] - angles)
    highest = np.maximum((np.abs(height) if two_sided else height).max(axis=1), 1e-9)
    return float(np.exp(-((bound / highest) ** 2) / 2).mean())


@pytest.mark.parametrize("angles", [(0, 0.3, 0.9), (0, 0.001, 1.2, 1.3), (0, 0.4, 0.4, 2.5), (0, 1e-6, 3.1, 0.2, 2)])
@pytest.mark.parametrize("bound", [0.2, 1.5, 2.8])
def test_singular_matrices_of_rank_two(angles: tuple[float, ...], bound: float) -> None:
    matrix = correlation(np.column_stack([np.cos(angles), np.sin(angles)]))
    for tail, two_sided in ((upper_tail, False), (two_sided_tail, True)):
        expected = on_a_plane(bound, np.array(angles), two_sided=two_sided)
        assert tail(bound, matrix) == pytest.approx(expected, abs=2e-8)


def test_six_variables_on_a_plane_and_six_equal_ones() -> None:
    angles = np.array([0, 0.2, 0.5, 0.9, 1.4, 1.5])
    matrix = correlation(np.column_stack([np.cos(angles), np.sin(angles)]))
    assert upper_tail(2.0, matrix) == pytest.approx(on_a_plane(2.0, angles, two_sided=False), abs=2e-8)
    assert two_sided_tail(2.0, np.ones((6, 6))) == pytest.approx(2 * ndtr(-2.0), abs=1e-9)


def test_opposite_and_identical_variables() -> None:
    for bound in (0.5, 2.0):
        one = float(ndtr(-bound))
        assert upper_tail(bound, [[1, 1], [1, 1]]) == pytest.approx(one, abs=1e-10)
        assert upper_tail(bound, [[1, -1], [-1, 1]]) == pytest.approx(2 * one, abs=1e-10)
        assert two_sided_tail(bound, [[1, -1], [-1, 1]]) == pytest.approx(2 * one, abs=1e-10)
        assert upper_tail(bound, [[1]]) == pytest.approx(one)


@pytest.mark.parametrize("seed", range(6))
def test_order_and_signs_of_the_variables_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = correlation(rng.normal(size=(4, 2 + seed % 3)))
    order, sign = rng.permutation(4), rng.choice([-1, 1], 4)
    for tail in (upper_tail, two_sided_tail):
        assert tail(1.3, matrix) == pytest.approx(tail(1.3, matrix[np.ix_(order, order)]), abs=1e-9)
    assert two_sided_tail(1.3, matrix) == pytest.approx(two_sided_tail(1.3, matrix * np.outer(sign, sign)), abs=1e-9)


def test_independent_blocks_multiply() -> None:
    # The limits of a block are symmetric while those of the other, given values of its own, are not.
    matrix = np.zeros((4, 4))
    matrix[:2, :2], matrix[2:, 2:] = equal(2, 0.6), equal(2, 0.9)
    for tail in (upper_tail, two_sided_tail):
        blocks = (1 - tail(1.1, equal(2, 0.6))) * (1 - tail(1.1, equal(2, 0.9)))
        assert 1 - tail(1.1, matrix) == pytest.approx(blocks, abs=1e-9)


@pytest.mark.parametrize("bound", [5.0, 12.0, 30.0])
def test_far_tails_keep_their_digits(bound: float) -> None:
    one = float(ndtr(-bound))
    for matrix in (FOUR, equal(4, 0.99), np.ones((4, 4))):
        assert one * (1 - 1e-9) <= upper_tail(bound, matrix) <= 4 * one
        assert two_sided_tail(bound, matrix) == pytest.approx(2 * upper_tail(bound, matrix), rel=1e-6)
    assert upper_tail(bound, np.eye(4)) == pytest.approx(4 * one, rel=1e-5)


@pytest.mark.parametrize("bound", [60.0, 1e300, math.inf])
def test_a_tail_is_never_zero(bound: float) -> None:
    assert upper_tail(bound, FOUR) > 0
    assert two_sided_tail(bound, FOUR) > 0


def test_bounds_at_or_below_zero() -> None:
    assert two_sided_tail(0, FOUR) == two_sided_tail(-3, FOUR) == 1
    assert upper_tail(-40, FOUR) == 1
    assert upper_tail(-math.inf, FOUR) == 1


def test_the_same_every_time_where_scipy_differs() -> None:
    from scipy.stats import multivariate_normal

    first, second = (
        multivariate_normal.cdf(np.full(4, 1.0), cov=FOUR, rng=np.random.default_rng(seed)) for seed in (1, 2)
    )
    assert first != second
    assert first == pytest.approx(1 - upper_tail(1.0, FOUR), abs=1e-4)
    assert len({upper_tail(1.0, FOUR) for _ in range(5)}) == len({two_sided_tail(1.0, FOUR) for _ in range(5)}) == 1
