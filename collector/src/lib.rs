//! The collector: ingest of signed batches, usage store, billing, lifecycle, API and panel; and the command line.
