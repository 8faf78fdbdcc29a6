//! What the reference for merchants says beside the tables that the program works with: words for
//! operations and parameters, members of answers, examples. The OpenAPI document, the pages at
//! `/docs` and `docs/reference` are made from here; nothing here decides anything.

pub mod answers;
pub mod examples;
pub mod names;
pub mod operations;
pub mod records;
