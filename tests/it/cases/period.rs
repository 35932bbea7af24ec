//! `quell report`, as people and programs meet it.
