"""Studies that travel with their database, and the disks on which a database may not be shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from budgetnet.errors import RequestError, SearchError
from budgetnet.files.study_file import load_study
from budgetnet.files.travel import TRAVELLING, TravellingStudy
from budgetnet.records.open import open_study
from budgetnet.records.sharing.network_disk import network_disk, refuse_network_disk
from budgetnet.records.sharing.travel import fetch_study, leave_study
from tests.search.helpers import study_text

PLUGIN = """\
from torch import nn


class Twice(nn.Module):
    def __init__(self, shape: tuple[int, ...]):
        super().__init__()

    def forward(self, x):
        return x + x
"""


@pytest.fixture
def home(tmp_path) -> Path:
    """A study in a folder of its own, with a grammar, an import, a plug-in and a network beside and above it."""
    folder = tmp_path / "home" / "studies"
    (folder / "deep").mkdir(parents=True)
    (folder.parent / "blocks").mkdir()
    (folder.parent / "blocks" / "twice.py").write_text(PLUGIN)
    (folder / "own.grammar").write_text('from "deep/cell.grammar" import cell\nnetwork = cell gap linear(classes)\n')
    (folder / "deep" / "cell.grammar").write_text("cell = conv(3, 8|16) twice\n")
    text = study_text(grammar="network = x\n").replace("grammar: |\n  network = x\n", "grammar: own.grammar\n")
    (folder / "my.yaml").write_text(text.replace("study: tiny", "study: far\nplugins: ../blocks/twice.py"))
    return folder


@pytest.fixture
def written(tmp_path):
    """Writes the small study, with changes as `study_text` takes them, and reads it."""

    def write(**changes: str):
        path = tmp_path / "tiny.yaml"
        path.write_text(study_text(**changes))
        return load_study(path)

    return write


def left(study, url: str):
    """Leave a study's files in a new database."""
    recorded, _ = open_study(study, url)
    leave_study(recorded, study)
    return recorded


def test_a_study_arrives_as_it_left(home, tmp_path):
    """Grammar file, imports and plug-ins arrive with it, wherever they stood; only trust runs plug-ins."""
    study = load_study(home / "my.yaml")
    url = f"sqlite:///{tmp_path}/far.db"
    left(study, url)
    run = tmp_path / "there"
    with pytest.raises(RequestError, match=r"brings plug-ins, which are programs that run here: ../blocks/twice.py;"):
        fetch_study("far", url, run=run)
    found = fetch_study("far", url, run=run, trust_plugins=True)
    assert found.grammar == study.grammar
    assert found.budget == study.budget
    assert found.training == study.training
    assert [file.text for file in found.plugins.files] == [PLUGIN]
    assert run in found.path.parents
    open_study(found, url, create=False)  # the settings agree


def test_a_variant_arrives_as_a_variant(written, tmp_path):
    """Its name, sampler and budget come with it."""
    study = written()
    variant = load_study(study.path.with_name(f"{study.path.name}@sampler=random,params=5k"))
    url = f"sqlite:///{tmp_path}/far.db"
    left(variant, url)
    found = fetch_study(variant.name, url, run=tmp_path / "there")
    assert (found.name, found.search.sampler, found.budget.params) == (variant.name, "random", 5000)


def test_files_are_left_once_and_anew_when_they_change(written, tmp_path):
    """More trials are a change that workers have to know of."""
    study = written()
    url = f"sqlite:///{tmp_path}/far.db"
    recorded = left(study, url)
    before = recorded.user_attrs[TRAVELLING]
    study.path.write_text(study.path.read_text().replace("trials: 6", "trials: 7"))
    leave_study(recorded, load_study(study.path))
    assert recorded.user_attrs[TRAVELLING] != before
    assert fetch_study("tiny", url, run=tmp_path / "there").search.trials == 7


def test_studies_that_are_not_there(written, tmp_path):
    """A wrong name gets the nearest one; a study without files says so; a damaged copy is named."""
    study = written()
    url = f"sqlite:///{tmp_path}/far.db"
    recorded, _ = open_study(study, url)
    with pytest.raises(RequestError, match=r"has no study 'tinny' \(it has: tiny\); did you mean 'tiny'"):
        fetch_study("tinny", url)
    with pytest.raises(RequestError, match="has no files of the study tiny: an older version made it"):
        fetch_study("tiny", url)
    recorded.set_user_attr(TRAVELLING, {"format": "budgetnet-study-files/1", "file": 3})
    with pytest.raises(SearchError, match="the database's copy of the study's files is not budgetnet-study-files/1"):
        fetch_study("tiny", url, run=tmp_path / "there")


@pytest.mark.parametrize("name", ["../../../away.grammar", "/tmp/away.grammar"])
def test_files_stay_in_their_folder(tmp_path, name):
    """A database from a stranger cannot write elsewhere."""
    document = TravellingStudy(file="my.yaml", text="", variant={}, plugins={}, others={name: "text"}).document()
    document["file"] = "../../my.yaml" if name.startswith("..") else "my.yaml"
    with pytest.raises(SearchError, match="leaves its folder"):
        TravellingStudy.of(document).read(tmp_path, trust_plugins=False, images=None, recorded_images=None)


def test_images_of_this_machine(written, tmp_path):
    """A folder of images is where --images says, else where it was; a data set by name has none."""
    (tmp_path / "photos").mkdir()
    study = written(dataset=f"{{images: {tmp_path / 'photos'}, size: 8}}")
    packed = TravellingStudy.pack(study)
    assert packed is not None
    found = packed.read(tmp_path / "a", trust_plugins=False, images=tmp_path / "photos", recorded_images=None)
    assert found.dataset.path == tmp_path / "photos"
    with pytest.raises(RequestError, match=r"images are in .*gone, which is no folder here; say where .* --images"):
        packed.read(tmp_path / "a", trust_plugins=False, images=None, recorded_images=str(tmp_path / "gone"))
    plain = TravellingStudy.pack(written())
    with pytest.raises(RequestError, match="--images is for studies on a folder of images, but this one is on digits"):
        plain.read(tmp_path / "b", trust_plugins=False, images=tmp_path, recorded_images=None)


def test_a_database_on_a_network_disk(tmp_path):
    """Known by the kernel's table; the deepest mount decides."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "disk / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\ndisk /home/me/local ext4 rw 0 0\n"
        "server:/x /home/me/with\\040blank cifs rw 0 0\nbroken\n"
    )
    assert network_disk("sqlite:////home/me/study.db", mounts=mounts) == "nfs4"
    assert network_disk("sqlite:////home/me/local/study.db", mounts=mounts) is None
    assert network_disk("sqlite:////home/me/with blank/study.db", mounts=mounts) == "cifs"
    assert network_disk("sqlite:////tmp/study.db", mounts=mounts) is None
    assert network_disk("postgresql+psycopg://me@host/db", mounts=mounts) is None
    assert network_disk("sqlite:////home/me/study.db", mounts=tmp_path / "none") is None


def test_it_is_not_shared(monkeypatch):
    """The next step is a server."""
    monkeypatch.setattr("budgetnet.records.sharing.network_disk.network_disk", lambda _: "nfs4")
    with pytest.raises(RequestError, match=r"cannot share /home/study.db: .* network disk \(nfs4\).*use a server"):
        refuse_network_disk("sqlite:////home/study.db")
