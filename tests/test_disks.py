"""Where a store lies: network shares are refused, and a read-only disk is told from a read-only window."""

from pathlib import Path

import pytest

from geo.errors import StoreError
from layers.disks import disk_of, is_writable, reading_uri, refuse_network_share
from layers.embedded import open_embedded

MOUNTS = """\
22 1 8:1 / / rw,noatime shared:1 - ext4 /dev/sda1 rw
30 22 0:41 / /mnt/share rw - cifs //nas/share rw
31 22 0:42 / /mnt/with\\040space rw master:1 shared:2 - nfs4 nas:/home rw,vers=4
32 22 0:43 / /mnt/数据 rw - nfs nas:/数据 rw
33 30 8:2 / /mnt/share/local rw - ext4 /dev/sdb1 rw
34 22 8:3 / /mnt/disc ro - iso9660 /dev/sr0 ro
35 22 8:1 /srv /mnt/window ro - ext4 /dev/sda1 rw,errors=ro
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/mnt/share/district.db", "cifs"),
        ("/mnt/share/deep/er/district.db", "cifs"),
        ("/mnt/with space/district.db", "nfs4"),
        ("/mnt/数据/district.db", "nfs"),
        ("/mnt/share/local/district.db", None),
        ("/mnt/shared/district.db", None),
        ("/home/district.db", None),
    ],
)
def test_a_network_share_is_refused_with_its_kind(place, kind):
    if kind is None:
        refuse_network_share(Path(place), MOUNTS)
    else:
        with pytest.raises(StoreError, match=rf"network share \({kind}\)"):
            refuse_network_share(Path(place), MOUNTS)


def test_a_whole_machine_on_a_share_and_a_link_into_one_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"\(nfs\)"):
        refuse_network_share(Path("/a/district.db"), "22 1 0:9 / / rw - nfs nas:/ rw")
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "share")
    mounts = f"{MOUNTS}40 22 0:9 / {tmp_path / 'share'} rw - 9p nas:/x rw\n"
    with pytest.raises(StoreError, match=r"\(9p\)"):
        open_embedded(f"sqlite:///{tmp_path / 'link' / 'district.db'}", mounts=mounts)
    assert list((tmp_path / "share").iterdir()) == []


@pytest.mark.parametrize(
    ("place", "read_only"),
    [("/mnt/disc/district.db", True), ("/mnt/window/district.db", False), ("/mnt/share/local/x.db", False)],
)
def test_a_disk_is_read_only_where_nobody_can_write_to_it(place, read_only):
    assert disk_of(Path(place), MOUNTS).read_only == read_only
    assert not is_writable(Path(place), MOUNTS)
    assert ("immutable=1" in reading_uri(Path(place), MOUNTS)) == read_only


def test_a_system_without_a_mount_table_says_nothing(tmp_path):
    assert disk_of(tmp_path, "") == ("", False)
    assert is_writable(tmp_path / "district.db", "")
