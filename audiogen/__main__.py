"""`python -m audiogen`: the command line, also for `torchrun -m audiogen train ...`."""

from audiogen.cli import main

if __name__ == "__main__":
    main()
