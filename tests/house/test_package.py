"""The package: its faces and old names, what loads TensorFlow, and its wheel."""

import importlib
import re
import shutil
import sys
from zipfile import ZipFile

import pytest

import dfim
from helpers import ROOT, WORKFLOW, call


def module_names(folder: str) -> list[str]:
    paths = sorted((WORKFLOW / folder).rglob("*.py"))
    names = (".".join(path.relative_to(WORKFLOW).with_suffix("").parts) for path in paths)
    return [name.removesuffix(".__init__") for name in names]


def test_only_networks_load_tensorflow():
    heavy = re.compile(r"dfim\.(attribution|models)\b(?!$)")
    names = module_names("dfim") + module_names("scripts/figures")
    light = [name for name in names if not heavy.match(name)]
    assert "dfim.sequences.encoding" in light
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    if {'tensorflow', 'keras'} & set(sys.modules):\n"
        "        sys.exit(name + ' loads TensorFlow')\n"
    )
    call(sys.executable, "-c", code, *light, cwd=WORKFLOW)


@pytest.mark.parametrize("stub", sorted(WORKFLOW.rglob("__init__.pyi")), ids=str)
def test_face_names_what_is_there(stub):
    folder = stub.parent.relative_to(WORKFLOW)
    face = importlib.import_module(".".join(folder.parts))
    named = re.findall(r"^from \.\S+ import (\w+) as \1$", stub.read_text(), re.MULTILINE)
    assert len(named) > 1
    # Importing `dfim.x` sets the attribute `x` of the package: a function of that name would
    # give way to the module as soon as anything had imported it.
    modules = {path.stem for path in stub.parent.iterdir()}
    assert set(named) & modules == set()
    assert all(callable(getattr(face, name)) or name.isupper() for name in named)


def test_modules_of_the_first_version_are_still_found():
    with pytest.warns(DeprecationWarning, match=r"dfim.pwms is now dfim.motifs.pwms"):
        assert dfim.pwms.scan_pwms is dfim.scan_pwms
    for name, target in dfim._MOVED.items():
        path = WORKFLOW / "dfim" / target.replace(".", "/")
        assert path.with_suffix(".py").is_file(), name


PACKAGES = [WORKFLOW / "dfim", *(path.parent for path in WORKFLOW.glob("dfim/*/__init__.py"))]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_face_has_every_module(package):
    stub = (package / "__init__.pyi").read_text()
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    modules |= {path.parent.name for path in package.glob("*/__init__.py")}
    assert {*re.findall(r"^from \. import (\w+) as \1$", stub, re.MULTILINE)} == modules


# Modules of version 0.1 whose name a package has now: what stood in them, but for what is
# named in another package (`box_statistics` of plots).
FIRST_VERSION = {
    "attribution": "MAXPOOL_RULES METHODS Attributor Head Profiles make_attributor",
    "genome": "Genome read_genome write_genome",
    "maps": "InteractionMap score_map score_map_by_task",
    "models": "load_model model_digest",
    "motifs": "scan_patterns",
    "plots": (
        "BASE_COLOURS BLANK_COLOUR DIVERGING OTHER_COLOUR PLANTED_COLOUR SEQUENTIAL "
        "category_colours class_boxes interaction_heatmap letter_row logo_track motif_boxes "
        "style"
    ),
    "scoring": "ScoringSettings draw_references profiles_of_mutants require_scorable",
    "sequences": (
        "ALPHABET FRACTIONAL UNKNOWN background base_codes decode distinct_rows "
        "distinct_tuples one_hot one_hot_encode require_one_hot"
    ),
    "variants": "STATUSES CheckedVariants Variants allele_codes check_variants",
}


@pytest.mark.parametrize("name", FIRST_VERSION)
def test_packages_have_what_the_modules_of_their_name_had(name):
    missing = set(FIRST_VERSION[name].split()) - set(dir(getattr(dfim, name)))
    assert missing == set()


IMPORT_ALL = """
import importlib, sys
for name in sys.argv[2:]:
    module = importlib.import_module(name)
    assert module.__file__.startswith(sys.argv[1]), module.__file__
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of what it is built from, without network."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(WORKFLOW, copy / "workflow", ignore=unwanted)
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", out]
    call(sys.executable, "-m", "pip", "wheel", "--quiet", *offline, ".", cwd=copy)
    (path,) = out.glob("dfim-*.whl")
    return path


def test_wheel_holds_the_whole_package_and_nothing_else(wheel):
    source = {path for path in (WORKFLOW / "dfim").rglob("*") if path.suffix != ".pyc"}
    names = {path.relative_to(WORKFLOW).as_posix() for path in source if path.is_file()}
    assert {"dfim/py.typed", "dfim/__init__.pyi", "dfim/pairs/__init__.pyi"} <= names
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert inside == names


def test_every_module_of_the_wheel_imports_from_an_empty_folder(wheel, tmp_path):
    site = tmp_path / "site"
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    command = [sys.executable, "-c", IMPORT_ALL, str(site), *module_names("dfim")]
    call(*command, cwd=tmp_path, PYTHONPATH=str(site))
