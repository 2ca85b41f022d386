"""The native engine: worker processes in the work folder, their failures, their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pipeline_stubs import write_list, write_rate

from xmmpy.engines import CallResult, Engine, NativeEngine, TaskCall, run_calls
from xmmpy.engines.calls import plain, result_from_json, result_to_json
from xmmpy.tasks.session import Cut, Environment, Outcome

GTI = {"table": "mos1_rate.fits", "gtiset": "gti.fits", "expression": "RATE<1", "timecolumn": "TIME"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[NativeEngine]:
    write_rate(tmp_path / "mos1_rate.fits")
    native = NativeEngine(tmp_path, {**os.environ, "SOURCE_DATE_EPOCH": "0"})
    yield native
    native.close()


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "xmmpy.engines.worker" in child.cmdline()]


def test_a_task_runs_in_the_work_folder_and_keeps_a_log(engine: NativeEngine, tmp_path: Path) -> None:
    assert isinstance(engine, Engine)
    (result,) = engine.run([TaskCall("tabgtigen", GTI, str(tmp_path / "log"))])
    assert result.error is None
    assert result.outcome is not None
    assert [str(path) for path in result.outcome.outputs] == ["gti.fits"]
    assert (tmp_path / "gti.fits").is_file()
    assert "tabgtigen:- Executing (routine): tabgtigen table=mos1_rate.fits" in (tmp_path / "log").read_text()


def test_a_failing_task_is_a_result(engine: NativeEngine, tmp_path: Path) -> None:
    results = [
        engine.run([TaskCall("tabgtigen", {**GTI, "table": "nosuch.fits"}, str(tmp_path / "log"))])[0],
        engine.run([TaskCall("nosuch", {})])[0],
        engine.run([TaskCall("tabgtigen", {"tabel": "x"})])[0],
    ]
    codes = [result.error[0] for result in results if result.error is not None]
    assert codes == ["FileIo", "UnknownTask", "UnknownParameter"]
    assert "** tabgtigen: error (FileIo), nosuch.fits does not exist" in (tmp_path / "log").read_text()


def test_a_worker_serves_many_calls_and_ends_with_the_engine(engine: NativeEngine) -> None:
    for _ in range(3):
        engine.run([TaskCall("tabgtigen", GTI)])
    assert len(children()) == 1
    engine.close()
    assert children() == []
    (result,) = engine.run([TaskCall("tabgtigen", GTI)])
    assert result.error == ("Stopped", "the run was stopped")


def test_a_worker_that_is_killed_is_one_failed_call(engine: NativeEngine) -> None:
    engine.run([TaskCall("tabgtigen", GTI)])
    children()[0].kill()
    (result,) = engine.run([TaskCall("tabgtigen", GTI)])
    assert result.error is not None
    assert result.error[0] == "WorkerEnded"
    (result,) = engine.run([TaskCall("tabgtigen", GTI)])
    assert result.error is None


def test_closing_ends_a_call_that_goes_on(engine: NativeEngine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs.fits")  # opening it for reading waits for a writer
    results: list[CallResult] = []
    call = TaskCall("tabgtigen", {**GTI, "table": "hangs.fits"})
    thread = threading.Thread(target=lambda: results.extend(engine.run([call])))
    thread.start()
    while not children():
        time.sleep(0.01)
    engine.close()
    thread.join(20)
    assert not thread.is_alive()
    assert results[0].error is not None
    assert children() == []


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs.fits")
    script = (
        "import os, sys; from pathlib import Path; from xmmpy.engines import NativeEngine, TaskCall\n"
        "engine = NativeEngine(Path(sys.argv[1]))\n"
        "engine.run([TaskCall('tabgtigen', {'table': 'nosuch.fits', 'expression': 'true'})])\n"
        "print('ready', flush=True)\n"
        "engine.run([TaskCall('tabgtigen', {'table': 'hangs.fits', 'expression': 'true'})])\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        workers = psutil.Process(parent.pid).children()
        assert len(workers) == 1
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        gone, alive = psutil.wait_procs(workers, timeout=20)
        assert (len(gone), alive) == (1, [])


def test_calls_of_a_group_fail_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_list(tmp_path / "mos1.fits", "EMOS1")
    monkeypatch.chdir(tmp_path)
    common = {"table": "mos1.fits", "xcolumn": "X", "ycolumn": "Y"}
    calls = [
        TaskCall("evselect", {**common, "imageset": "a.fits"}),
        TaskCall("evselect", {**common, "imageset": "b.fits", "expression": "PI >"}),
        TaskCall("evselect", {**common, "imageset": "c.fits", "expression": "PI > 4"}),
    ]
    results = run_calls(calls, Environment())
    assert [result.error is None for result in results] == [True, False, True]
    assert [result.outcome and result.outcome.rows_out for result in results] == [10, None, 5]
    assert (tmp_path / "a.fits").is_file()
    assert not (tmp_path / "b.fits").exists()


def test_results_pass_through_json() -> None:
    outcome = Outcome((Path("a.fits"),), 5, 3, (Cut("PI>3", 3),), {"ontime": 1.5, "names": ["x"]})
    for result in (CallResult(outcome, None, ("mind",), 0.5), CallResult(None, ("Code", "text"), (), 0.1)):
        assert result_from_json(result_to_json(result)) == result


def test_facts_become_plain_values() -> None:
    import numpy as np

    facts = {"a": np.float64(1.5), "b": np.arange(2), "c": float("nan"), "d": (Path("x"), None)}
    facts |= {3: {"e": np.True_}}
    assert plain(facts) == {"a": 1.5, "b": [0, 1], "c": None, "d": ["x", None], "3": {"e": True}}
