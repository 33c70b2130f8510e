//! A control.db for tests.
