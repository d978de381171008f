"""Files with secrets: whole or absent, closed to others, never through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from growsoft.errors import ConfigError
from growsoft.security.files import Owner, create_private, read_private, write_private, write_public


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "secret", b"one")
        write_private(tmp_path / "secret", b"two")
    finally:
        os.umask(before)
    assert mode(tmp_path / "secret") == 0o600
    assert read_private(tmp_path / "secret") == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_certificate_is_open_to_all_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_public(tmp_path / "certificate", b"public")
    finally:
        os.umask(before)
    assert mode(tmp_path / "certificate") == 0o644


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
def test_a_secret_that_others_can_open_is_refused_with_the_command_that_helps(tmp_path: Path, open_to: int) -> None:
    path = tmp_path / "secret"
    write_private(path, b"one")
    path.chmod(open_to)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        read_private(path)


def test_links_pipes_and_folders_are_no_secrets(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", b"one")
    (tmp_path / "link").symlink_to("secret")
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "folder", "pipe"):
        with pytest.raises(ConfigError, match="plain file"):
            read_private(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "nothing")


def test_what_is_too_large_is_no_key(tmp_path: Path) -> None:
    write_private(tmp_path / "large", b"x" * 70_000)
    with pytest.raises(ConfigError, match="too large"):
        read_private(tmp_path / "large")


def test_creating_never_replaces(tmp_path: Path) -> None:
    create_private(tmp_path / "secret", b"first")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "secret", b"second")
    assert read_private(tmp_path / "secret") == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", b"old")
    impossible = Owner(uid=2**31, gid=-2)
    with pytest.raises((OSError, OverflowError)):
        write_private(tmp_path / "secret", b"new", owner=impossible)
    assert read_private(tmp_path / "secret") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_file_is_given_to_its_user_before_it_has_its_name(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    write_private(tmp_path / "secret", b"one", owner=Owner(65534, 65534))
    found = (tmp_path / "secret").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, 0o600)
