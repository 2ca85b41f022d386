"""The declaration of parameters and what comes from it: values, parents, errors, lines, groups of calls."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xmmpy.tasks
from xmmpy.engines.calls import TaskCall, belong_together
from xmmpy.tasks.commandline import help_text, read_command_line
from xmmpy.tasks.messages import TaskError, error_line, nearest, warning_line
from xmmpy.tasks.parameters import (
    Dataset,
    Expression,
    Integer,
    Real,
    RealList,
    Switch,
    TableName,
    TaskParameters,
    Text,
    TextList,
    parameter,
    quoted,
    split_list,
)
from xmmpy.tasks.registry import Task, find_task, task_names
from xmmpy.tasks.session import Environment, Outcome, Session


class SampleParameters(TaskParameters):
    """Show what a declaration can say."""

    table: TableName = parameter(help="table to read")
    keep: Switch = parameter(False, help="keep the output")
    withset: Switch = parameter(False, parent="keep", help="write a set")
    outset: Dataset = parameter("out.fits", parent="withset", help="set to write")
    sets: TextList = parameter(("a.fits",), help="sets to read")
    edges: RealList = parameter((), help="edges")
    binsize: Real = parameter(1.0, unit="s", above=0.0, help="width of a bin")
    number: Integer = parameter(3, minimum=1, maximum=9, help="a number")
    mode: Text = parameter("fast", choices=("fast", "slow"), help="how")
    expression: Expression = parameter("true", help="selection")


SAMPLE = Task("sample", SampleParameters, lambda _parameters, _session: Outcome())


def given_values(**values: object) -> SampleParameters:
    return SampleParameters.from_values({"table": "t.fits", **values})


@pytest.mark.parametrize("word", ["yes", "Y", "y", "TRUE", "true", "T", "t", "Yes", " yes ", "1", "on", True])
def test_words_for_yes(word: object) -> None:
    assert given_values(keep=word).keep is True


@pytest.mark.parametrize("word", ["no", "N", "n", "FALSE", "False", "F", "f", "0", "off", False])
def test_words_for_no(word: object) -> None:
    assert given_values(keep=word).keep is False


def test_a_child_turns_its_parents_on_and_a_given_parent_stays() -> None:
    child = given_values(outset="x.fits")
    assert (child.withset, child.keep) == (True, True)
    parent = given_values(withset="yes")
    assert (parent.withset, parent.keep, parent.outset) == (True, True, "out.fits")
    off = given_values(outset="x.fits", withset="no")
    assert (off.withset, off.keep) == (False, True)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a.fits b.fits", ("a.fits", "b.fits")),
        ('"a.fits" "b.fits"', ("a.fits", "b.fits")),
        ('"a b.fits" c.fits', ("a b.fits", "c.fits")),
        ("  a.fits\tb.fits ", ("a.fits", "b.fits")),
        ("", ()),
    ],
)
def test_lists_in_one_argument(text: str, items: tuple[str, ...]) -> None:
    assert split_list(text) == items
    assert given_values(sets=text).sets == items
    assert given_values(sets=list(items)).sets == items


@pytest.mark.parametrize(("text", "value"), [("1e-3", 1e-3), ("1d-3", 1e-3), ("2D0", 2.0), (" 5 ", 5.0)])
def test_numbers(text: str, value: float) -> None:
    assert given_values(binsize=text).binsize == value


def test_whole_numbers_may_have_a_point() -> None:
    assert given_values(number="4.0").number == 4
    assert given_values(edges="1 2.5").edges == (1.0, 2.5)


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"tabel": "x"}, "UnknownParameter", "did you mean 'table'"),
        ({"EXPRESION": "x"}, "UnknownParameter", "did you mean 'expression'"),
        ({"qqq": "x"}, "UnknownParameter", "there is no parameter 'qqq'"),
        ({"keep": "maybe"}, "BadParameter", "'keep' is 'maybe', but it takes yes or no"),
        ({"binsize": "wide"}, "BadParameter", "'binsize' is 'wide', but it takes a number"),
        ({"binsize": "0"}, "BadParameter", "a number of more than 0"),
        ({"number": "10"}, "BadParameter", "a whole number of at most 9"),
        ({"number": "2.5"}, "BadParameter", "a whole number"),
        ({"binsize": "nan"}, "BadParameter", "a number"),
        ({"mode": "medium"}, "BadParameter", "one of: fast, slow"),
        ({"sets": '"a.fits'}, "BadParameter", "a list of names"),
    ],
)
def test_wrong_values_are_one_sentence(values: dict[str, object], code: str, words: str) -> None:
    with pytest.raises(TaskError) as caught:
        given_values(**values)
    assert caught.value.code == code
    assert words in caught.value.text
    assert "\n" not in caught.value.text


def test_a_missing_mandatory_parameter_says_what_it_is() -> None:
    with pytest.raises(TaskError, match="mandatory parameter 'table' is not given: table to read"):
        SampleParameters.from_values({})


def test_choices_are_compared_without_case() -> None:
    assert given_values(mode="SLOW").mode == "slow"


def test_the_call_in_full_and_as_given() -> None:
    values = given_values(expression="(PI>500) && #XMMEA_EM", sets='"a b.fits" c.fits')
    assert values.task_line("sample").startswith("sample table=t.fits keep=no withset=no outset=out.fits ")
    line = values.given_line("sample")
    assert line == "sample table=t.fits sets='\"a b.fits\" c.fits' expression='(PI>500) && #XMMEA_EM'"


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_a_line_read_back_gives_the_same_values(text: str, sets: list[str]) -> None:
    expression = f"{text} "  # what a wrapper's quotes enclose whole comes without them: not so here
    values = given_values(expression=expression, sets=sets)
    words = shlex.split(values.given_line("sample"))[1:]
    again = SampleParameters.from_values(read_command_line(words).values_for(SAMPLE))
    assert again.expression == values.expression
    assert again.sets == values.sets


def test_quoting() -> None:
    assert [quoted(value) for value in (True, False, 0.1, 100.0, 7, "", "a b", "it's")] == [
        "yes", "no", "0.1", "100", "7", "''", "'a b'", "'it'\"'\"'s'",
    ]  # fmt: skip


def test_help_has_every_parameter_and_its_default() -> None:
    text = help_text(SAMPLE)
    for info in SampleParameters.describe():
        assert info.name in text
        assert info.help in text
    assert "mandatory" in text
    assert "default 1 s" in text
    assert "one of fast, slow" in text


def test_messages_have_the_form_that_programs_look_for() -> None:
    assert error_line("evselect", "BadExpression", "no") == "** evselect: error (BadExpression), no"
    assert warning_line("evselect", "NoOutput", "so") == "** evselect: warning (NoOutput), so"
    assert nearest("evselct", ["tabgtigen", "evselect"]) == "; did you mean 'evselect'?"
    assert nearest("zzz", ["tabgtigen"]) == ""


def test_every_task_of_the_catalogue_is_whole() -> None:
    for name in task_names():
        task = find_task(name)
        assert task.name == name
        assert len(task.summary) > 10
        for info in task.parameters.describe():
            assert info.help, f"{name}.{info.name} has no help"
            parents = {other.name for other in task.parameters.describe() if other.kind.name == "bool"}
            assert set(info.parents) <= parents, f"{name}.{info.name} has a parent that is no switch"
    assert set(task_names()) <= set(dir(xmmpy.tasks))


def test_unknown_tasks_name_the_nearest() -> None:
    with pytest.raises(TaskError, match="did you mean 'tabgtigen'"):
        find_task("tabgtigne")
    with pytest.raises(AttributeError, match="did you mean 'evselect'"):
        _ = xmmpy.tasks.evselct


def test_calls_on_one_table_belong_together(tmp_path: Path) -> None:
    def call(table: str, task: str = "evselect") -> TaskCall:
        return TaskCall(task, {"table": table})

    one, other = str(tmp_path / "one.fits"), str(tmp_path / "other.fits")
    calls = [call(one), call(other), call(one), call(one, "tabgtigen"), call(one, "nosuch")]
    calls.append(call(f"{tmp_path}/./one.fits"))
    assert belong_together(calls) == [[0, 2, 5], [1], [3], [4]]


def test_the_environment_is_read_in_one_place() -> None:
    environment = Environment.from_mapping(
        {"SAS_CCFPATH": "/a:/b", "SAS_VERBOSITY": "7", "SAS_CLOBBER": "0", "SOURCE_DATE_EPOCH": "86400"}
    )
    assert (environment.ccf_path, environment.verbosity, environment.clobber) == (("/a", "/b"), 7, False)
    assert Session("sample", environment).now.isoformat() == "1970-01-02T00:00:00+00:00"


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    session = Session("sample")
    with pytest.raises(TaskError, match="there is no folder"):
        session.check_output(tmp_path / "no" / "x.fits")
    with pytest.raises(TaskError, match="is a folder"):
        session.check_output(tmp_path)
    (tmp_path / "x.fits").write_text("")
    assert session.check_output(tmp_path / "x.fits") == tmp_path / "x.fits"
    with pytest.raises(TaskError, match="clobbering is off"):
        Session("sample", Environment(clobber=False)).check_output(tmp_path / "x.fits")
