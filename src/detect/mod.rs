//! Bytes to candidates.
