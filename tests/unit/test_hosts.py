"""Hosts that erase their disk, and what is said there."""

from pathlib import Path

import pytest

from bot.errors import ConfigError
from config.hosts import check_disk

HOSTS = {"DYNO": "web.1", "RAILWAY_PROJECT_ID": "1", "FLY_APP_NAME": "papers", "RENDER": "true"}


@pytest.mark.parametrize("name", HOSTS)
def test_a_disk_that_is_erased_is_refused(name):
    """With the reason and what to do; a folder that the operator named is theirs to know."""
    with pytest.raises(ConfigError, match=r"erases this disk .*DATABASE_URL.*DATA_DIR") as caught:
        check_disk({name: HOSTS[name]}, Path("data"), is_chosen=False)
    assert str(Path("data").absolute()) in str(caught.value)
    check_disk({name: HOSTS[name]}, Path("data"), is_chosen=True)


def test_other_hosts_keep_theirs():
    """As does whoever has the variable, and nothing in it."""
    check_disk({"PATH": "/bin", "DYNO": ""}, Path("data"), is_chosen=False)


def test_a_volume_of_railway_is_seen():
    """The default folder may lie on it."""
    environment = {"RAILWAY_PROJECT_ID": "1", "RAILWAY_VOLUME_MOUNT_PATH": "/app/data"}
    check_disk(environment, Path("/app/data"), is_chosen=False)
    check_disk(environment, Path("/app/data/papers"), is_chosen=False)
    with pytest.raises(ConfigError):
        check_disk(environment, Path("/app/database"), is_chosen=False)
