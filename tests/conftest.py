"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch; see saeidioms.cli

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of real conversations beside the checkout."""
    if not DATA.is_dir():
        pytest.skip("the shared folder of real conversations is not beside this checkout")
    return DATA
