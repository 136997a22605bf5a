"""What producer and workers share: the ledger, the result store, the specification of a job, and their messages."""
