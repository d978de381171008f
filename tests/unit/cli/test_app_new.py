"""A new app: its name is one that works, nothing is overwritten, and no place of the template is left unfilled."""

from pathlib import Path

import pytest

from growsoft.cli.app_new import refuse_name, write_app
from growsoft.cli.errors import UsageError
from growsoft.errors import ValidationError


def test_every_file_is_filled_and_named_for_the_app(tmp_path: Path) -> None:
    made = write_app("bike_shop", tmp_path / "bike_shop")
    assert {"pyproject.toml", ".gitignore", "src/bike_shop/models.py", "src/bike_shop/data/bike_shop.tag.csv"} <= set(
        made
    )
    for name in made:
        text = (tmp_path / "bike_shop" / name).read_text()
        assert "{{" not in text, name
        assert not name.endswith(".txt")
    manifest = (tmp_path / "bike_shop/src/bike_shop/__init__.py").read_text()
    assert manifest.startswith('"""Bike shop: ')
    assert 'name = "growsoft-app-bike-shop"' in (tmp_path / "bike_shop/pyproject.toml").read_text()
    assert {
        path.relative_to(tmp_path / "bike_shop").as_posix() for path in tmp_path.rglob("*") if path.is_file()
    } == set(made)


@pytest.mark.parametrize(
    "name",
    ["", "Library", "1st", "my-app", "../x", "a" * 41, "class", "json", "growsoft", "tests", "src", "a.b", "x\n"],
)
def test_a_name_that_would_not_work_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        refuse_name(name)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    there = tmp_path / "library"
    there.mkdir()
    (there / "mine.txt").write_text("mine")
    with pytest.raises(ValidationError, match="is there already; nothing was written"):
        write_app("library", there)
    assert [path.name for path in there.iterdir()] == ["mine.txt"]
    with pytest.raises(ValidationError, match="cannot be made"):
        write_app("library", tmp_path / "nowhere" / "library")


def test_half_an_app_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.write_text

    def full(path: Path, text: str, encoding: str | None = None) -> int:
        if path.name == "models.py":
            raise OSError(28, "No space left on device")
        return original(path, text, encoding)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_app("library", tmp_path / "library")
    assert not (tmp_path / "library").exists()
