//! Whether a credential works: its issuer is asked, by recipes that are data, and its answer is believed only as far as it
//! can be.

pub mod answer;
pub mod selftest;
