"""The parts of the benchmark suite that can be wrong in silence: states, medians, ratios, verdicts,
documents."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from suite import goals, growth_scenarios, growth_tables, publish, tables
from suite.catalogue import Entry, Scenario, all_scenarios, select
from suite.growth_scenarios import KIB, TIME, Curve, Part
from suite.programs import BENCH, Programs
from suite.summary import Figure, Sample, Summary, Thresholds, value_in

LIMIT = Scenario(
    "limit", "The limit", "ns", (Entry("bare", "x", (), "limit"),), limit=("limit", "bare")
)
RACE = Scenario(
    "race",
    "A race",
    "us",
    (Entry("smipc", "x", (), "smipc"), Entry("other, polling", "x", ()), Entry("other", "x", ())),
    limit=("limit", "bare"),
)


def sample(scenario: str, label: str, state: str, value: float) -> Sample:
    return Sample(scenario, label, 0, state, 100.0, 100.0, {"value": value, "unit": "ns"})


@pytest.fixture
def summary() -> Summary:
    return Summary(
        [LIMIT, RACE],
        [
            sample("limit", "bare", "near", 100),
            sample("limit", "bare", "far", 500),
            sample("race", "smipc", "near", 130),
            sample("race", "smipc", "near", 110),
            sample("race", "smipc", "near", 120),
            sample("race", "smipc", "far", 600),
            sample("race", "other, polling", "near", 2000),
            sample("race", "other", "near", 3000),
            sample("race", "other", "mixed", 1),
        ],
    )


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (115, 120, "near"),
        (515, 510, "far"),
        (115, 515, "mixed"),
        (515, 115, "mixed"),
        (300, 115, "mixed"),
        (300, 300, "mixed"),
        (47, 48, "sibling"),
        (47, 115, "mixed"),
    ],
)
def test_state_needs_both_probes(before: float, after: float, state: str) -> None:
    assert Thresholds().state(before, after) == state


def test_states_are_never_pooled(summary: Summary) -> None:
    near = summary.figure("race", "smipc", "near")
    assert near is not None
    assert (near.count, near.median, near.low, near.high) == (3, 0.120, 0.110, 0.130)
    assert summary.of_limit(RACE, "smipc", "near") == pytest.approx(1.2)
    assert summary.of_limit(RACE, "smipc", "far") == pytest.approx(1.2)
    assert summary.of_limit(RACE, "other", "mixed") is None


def test_best_comes_first_whichever_way_is_better(summary: Summary) -> None:
    assert [label for label, _ in summary.ranked(RACE, "near")] == [
        "smipc",
        "other, polling",
        "other",
    ]
    more = Scenario("rate", "", "M/s", RACE.entries)
    rates = [Sample("rate", label, 0, "near", 1, 1, {"value": value, "unit": "messages/s"})
             for label, value in (("smipc", 2e6), ("other", 1e6))]  # fmt: skip
    assert [label for label, _ in Summary([more], rates).ranked(more, "near")] == ["smipc", "other"]


@pytest.mark.parametrize(
    ("unit", "result", "value"),
    [
        ("ns", {"value": 120.0, "unit": "ns"}, 120.0),
        ("us", {"value": 120.0, "unit": "ns"}, 0.12),
        ("us", {"value": 120.0, "unit": "us"}, 120.0),
        ("M/s", {"value": 2e6, "unit": "messages/s"}, 2.0),
        ("GB/s", {"value": 1.0, "unit": "messages/s", "bytes_per_second": 5e9}, 5.0),
        ("KiB", {"value": 2048.0, "unit": "B"}, 2.0),
    ],
)
def test_value_in_unit(unit: str, result: dict[str, object], value: float) -> None:
    assert value_in(unit, result) == pytest.approx(value)


def test_value_in_wrong_unit_is_an_error() -> None:
    with pytest.raises(ValueError, match="us where ns"):
        value_in("ns", {"value": 1.0, "unit": "us"})


def test_overview_shows_the_best_of_a_family(summary: Summary) -> None:
    text = tables.overview_table(summary, {"race": "the race"})
    assert "| other | 2.00 |" in text and "| **smipc** | 0.12 |" in text


def test_conditions_are_rows_and_what_is_measured_there_columns() -> None:
    scenario = next(s for s in all_scenarios() if s.key == "under.py.oneway")
    samples = [sample(scenario.key, "on one core", "near", 1e6)]
    text = tables.conditions_table(Summary([scenario], samples))
    assert "| smipc | Python: 64 B messages, one a call, M/s |" in text
    assert "| on one core |" in text and "| in a container | - |" in text
    assert tables.conditions_table(Summary([RACE], [])) == ""


def test_container_is_left_out_where_it_may_not_be_made(tmp_path: Path) -> None:
    programs = Programs(tmp_path, installed=False)
    entry = Entry("x", "own_smipc.py", (), wrapper=("/no/such/program",))
    assert programs.command(entry) == "/no/such/program is not there, or not allowed"


def test_absent_contestant_is_reported_with_its_reason(summary: Summary) -> None:
    text = tables.scenario_table(summary, RACE, {("race", "other"): "not installed"})
    assert "- other: not installed" in text


def test_every_goal_and_limit_names_an_entry() -> None:
    scenarios = all_scenarios()
    known = {(scenario.key, entry.label) for scenario in scenarios for entry in scenario.entries}
    assert {(goal.scenario, goal.label) for goal in goals.goals()} <= known
    assert {scenario.limit for scenario in scenarios if scenario.limit} <= known
    assert sum(len(scenario.entries) for scenario in scenarios) == len(known), "a label twice"


def test_every_program_of_the_catalogue_exists() -> None:
    for scenario in [*all_scenarios(), *growth_scenarios.scenarios()]:
        for entry in scenario.entries:
            file = (
                BENCH / "python" / entry.program
                if entry.program.endswith(".py")
                else BENCH / "native" / f"{entry.program}.cpp"
            )
            assert file.exists(), file


def test_goal_is_judged_by_the_median_of_its_state() -> None:
    scenario = next(s for s in all_scenarios() if s.key == "cpp.roundtrip")
    slow = [sample("cpp.roundtrip", "smipc (spin)", "near", value) for value in (140, 160, 170)]
    verdict = goals.judge(Summary([scenario], slow))[0]
    assert (verdict.measured, verdict.meets_must, verdict.count) == (160, False, 3)
    fast = [sample("cpp.roundtrip", "smipc (spin)", "near", value) for value in (120, 130, 900)]
    assert goals.judge(Summary([scenario], fast))[0].meets_must is True
    far = [sample("cpp.roundtrip", "smipc (spin)", "far", 100)]
    assert goals.judge(Summary([scenario], far)) == []


def test_selection_brings_its_limits_along() -> None:
    chosen = select(all_scenarios(), "cpp.oneway.8B/smipc")
    assert {(s.key, e.label) for s in chosen for e in s.entries} == {
        ("cpp.oneway.8B", "smipc"),
        ("cpp.oneway.1M", "bare ring"),
    }


def test_publish_replaces_only_what_is_between_the_markers(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("no markers here\n")
    page = tmp_path / "docs" / "benchmarks.md"
    begin, end = publish.markers("benchmarks")
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    (tmp_path / "plot.png").write_bytes(b"picture")
    publish.publish("new", tmp_path / "plot.png", tmp_path)
    assert page.read_text() == f"before\n{begin}\nnew\n{end}\nafter\n"
    assert (tmp_path / "README.md").read_text() == "no markers here\n"
    assert (tmp_path / "docs" / "benchmarks.png").read_bytes() == b"picture"


def test_mixed_samples_enter_no_table() -> None:
    only_mixed = Summary([RACE], [sample("race", "smipc", "mixed", 100)])
    assert "0.10" not in tables.overview_table(only_mixed, {"race": "the race"})
    report = tables.scenario_table(only_mixed, RACE, {})
    assert "0.10" not in report and "1 samples during which the cores were moved" in report


def test_publish_of_one_section_leaves_the_other(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "benchmarks.md"
    other = "\n".join(publish.markers("benchmarks"))
    begin, end = publish.markers("growth")
    page.write_text(f"{other}\n{begin}\n{end}\n")
    (tmp_path / "growth.png").write_bytes(b"picture")
    publish.publish("new", tmp_path / "growth.png", tmp_path, "growth")
    assert page.read_text() == f"{other}\n{begin}\nnew\n{end}\n"
    assert (tmp_path / "docs" / "growth.png").read_bytes() == b"picture"


# ---- How cost grows ------------------------------------------------------------------------------


def rate_sample(label: str, state: str, rate: float, scenario: str = "growth.x") -> Sample:
    result = {
        "value": rate,
        "unit": "messages/s",
        "also": {"cpu": {"value": 3, "unit": "% of a core"}},
    }
    return Sample(scenario, label, 0, state, 100.0, 100.0, result)


ONE_WAY = Scenario(
    "growth.x", "", "M/s", tuple(Entry(label, "x", ()) for label in ("8 B", "1 KiB"))
)


def growth_part(*curves: Curve) -> Part:
    return Part("message size", (8, KIB), ("8 B", "1 KiB"), curves)


def test_growth_is_no_part_of_the_normal_run() -> None:
    normal = {scenario.key for scenario in all_scenarios()}
    assert normal.isdisjoint(scenario.key for scenario in growth_scenarios.scenarios())


def test_every_point_of_a_curve_is_an_entry() -> None:
    for part in growth_scenarios.parts():
        assert len(set(part.labels)) == len(part.points) == len(part.labels)
        assert list(part.points) == sorted(part.points)
        for curve in part.curves:
            assert tuple(entry.label for entry in curve.scenario.entries) == part.labels


def test_curves_of_the_same_samples_are_measured_once() -> None:
    keys = [scenario.key for scenario in growth_scenarios.scenarios()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("size", "label"), [(0, "0 B"), (256, "256 B"), (1 << 10, "1 KiB"), (1 << 30, "1 GiB")]
)
def test_bytes_are_labelled_in_the_unit_that_fits(size: int, label: str) -> None:
    assert growth_scenarios.bytes_label(size) == label


@pytest.mark.parametrize(
    ("time_ns", "text"), [(3.2, "3.20 ns"), (1500, "1.50 us"), (26e6, "26.0 ms"), (1e9, "1.00 s")]
)
def test_duration_is_in_the_unit_that_fits(time_ns: float, text: str) -> None:
    assert growth_tables.duration(time_ns) == text


def test_second_figure_of_a_result_is_a_sample_of_its_own() -> None:
    first, second = growth_tables.with_second_figures([rate_sample("8 B", "near", 1e6)])
    assert (first.scenario, second.scenario) == ("growth.x", "growth.x.cpu")
    assert (second.label, second.state, second.result["value"]) == ("8 B", "near", 3)


def test_time_of_a_message_is_one_over_its_rate() -> None:
    curve = Curve(ONE_WAY, "one way", TIME)
    figure = growth_tables.shown(curve, 8, Figure(3, 100.0, 50.0, 200.0))
    assert (figure.median, figure.low, figure.high) == (10.0, 5.0, 20.0)


def test_bytes_a_second_come_from_rate_and_size() -> None:
    curve = Curve(ONE_WAY, "one way", "GB/s")
    assert growth_tables.shown(curve, KIB, Figure(1, 2.0, 2.0, 2.0)).median == pytest.approx(2.048)


def test_time_measured_in_us_is_shown_in_ns() -> None:
    scenario = Scenario("growth.y", "", "us", ONE_WAY.entries)
    figure = growth_tables.shown(Curve(scenario, "open", TIME), 8, Figure(1, 2.0, 1.0, 3.0))
    assert (figure.median, figure.low, figure.high) == (2000.0, 1000.0, 3000.0)


def test_point_without_a_sample_in_the_state_shown_is_a_dash() -> None:
    summary = Summary(
        [ONE_WAY], [rate_sample("8 B", "near", 1e8), rate_sample("1 KiB", "mixed", 1)]
    )
    part = growth_part(Curve(ONE_WAY, "one way", TIME), Curve(ONE_WAY, "later", "M/s", begins=KIB))
    assert growth_tables.part_table(summary, part).splitlines() == [
        "| message size | one way |",
        "|---|---:|",
        "| 8 B | 10.0 ns |",
        "| 1 KiB | - |",
    ]


def test_part_that_was_not_measured_has_no_table() -> None:
    part = growth_part(Curve(ONE_WAY, "one way", TIME))
    assert growth_tables.part_table(Summary([], []), part) == ""


def test_growth_is_drawn_from_any_part_of_it(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from suite import growth_plot

    key = "growth.size.oneway"
    samples = [rate_sample("1 KiB", "near", 1e6, key), rate_sample("0 B", "near", 1e8, key)]
    growth_plot.draw(growth_tables.summary_of(samples), "caption", tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 0


def test_zero_is_left_of_the_least_on_a_logarithmic_axis() -> None:
    pytest.importorskip("matplotlib")
    from suite.growth_plot import positions

    assert positions((0, 8, 64)) == [2, 8, 64]
    assert positions((1, 10)) == [1, 10]


def test_numbered_message_of_no_bytes_is_empty() -> None:
    sys.path.insert(0, str(BENCH / "python"))
    from harness import numbered_messages

    assert numbered_messages(0, 2) == [b"", b""]
    assert numbered_messages(9, 2)[1] == b"\1" + bytes(7) + b"\x5a"
