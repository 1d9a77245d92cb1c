"""A page served on loopback, and Debian's Chromium that can reach nothing else."""

import asyncio
import json
import logging
import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import url_to_be
from selenium.webdriver.support.wait import WebDriverWait

from bot.app import load_languages
from tests.browser.site import make_site

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
MUST_RUN = bool(os.environ.get("PAPERROUND_BROWSER"))
"""Set where a missing browser is a failure."""
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --window-size=1000,900"
).split()
WAIT_SECONDS = 120
IS_STYLED = "return document.readyState === 'complete' && [...document.styleSheets].some(each => each.cssRules.length)"
for _talker in ("selenium", "urllib3"):  # whole pages, at DEBUG
    logging.getLogger(_talker).setLevel(logging.WARNING)


def pytest_collection_modifyitems(items):
    if (CHROMIUM and DRIVER) or MUST_RUN:
        return
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="needs Chromium: apt-get install chromium chromium-driver"))


class Browser:
    """Chromium with one page open; `problems` and `hosts` are what the last page said and whom it asked."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, url, *, width=1000, dark=False):
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.driver.get(url)
        # On a busy machine a script may run before the page looks as it will.
        WebDriverWait(self.driver, WAIT_SECONDS).until(lambda _: self.run(IS_STYLED))

    def command(self, name, **options):
        return self.driver.execute_cdp_cmd(name, options)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def click(self, selector, place=0):
        """As a person does, with the mouse."""
        self.driver.find_elements(By.CSS_SELECTOR, selector)[place].click()

    def wait_for(self, url):
        """Until the page at this address is there."""
        WebDriverWait(self.driver, WAIT_SECONDS).until(url_to_be(url))

    def problems(self):
        """What the console said."""
        return self.driver.get_log("browser")

    def requests(self):
        """The addresses that pages asked for; the browser's own page when it starts is none of ours."""
        events = [json.loads(each["message"])["message"] for each in self.driver.get_log("performance")]
        sent = [each["params"] for each in events if each["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in sent if each["documentURL"].startswith("http")]


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if not (CHROMIUM and DRIVER):
        pytest.fail("PAPERROUND_BROWSER is set, and there is no chromium with chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    driver.set_page_load_timeout(WAIT_SECONDS)
    driver.set_script_timeout(WAIT_SECONDS)
    yield Browser(driver)
    driver.quit()


@pytest.fixture(scope="session")
def site(unused_tcp_port_factory):
    """The address of a site."""
    port = unused_tcp_port_factory()
    with _serving(make_site(port, load_languages())):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _serving(making):
    """The server, while entered, in a loop of a thread of its own: selenium blocks this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="site")
    thread.start()

    def wait(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(WAIT_SECONDS)

    try:
        server = wait(making)
        wait(server.__aenter__())
        yield
        wait(server.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
