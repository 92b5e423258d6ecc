"""`seqpred` and `python -m seqpred`."""

from seqpred.cli import main

if __name__ == "__main__":
    main()
