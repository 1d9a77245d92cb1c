"""`python -m bot` and the script `paperround`."""

import sys

from bot.cli import run_cli


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run_cli(sys.argv[1:]))


if __name__ == "__main__":
    main()
