"""``python -m saeidioms``."""

from saeidioms.cli import main

if __name__ == "__main__":
    main()
