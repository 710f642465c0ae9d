"""`python -m chatterpod` is the command line."""

import sys

from chatterpod.cli import main

sys.exit(main())
