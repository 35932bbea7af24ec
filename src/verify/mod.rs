//! Whether a credential works: its issuer is asked, by recipes that are data, and its answer is believed only as far as it
//! can be.
//!
//! `plan` says which recipe fits a finding and which places may be asked; `engine` takes each credential once, and `ask`
//! asks about it, within budgets, and holds every `Live` against a made-up credential; `connect` is the one place that opens connections, to what
//! `endpoints` and `address` let through; `http`, `wire` and `sign` speak; `answer` says what came back means, and
//! `conceal` keeps the credential out of it.

pub mod address;
pub mod answer;
pub mod ask;
pub mod cache;
mod conceal;
pub mod connect;
pub mod endpoints;
pub mod engine;
pub mod http;
pub mod parts;
pub mod plan;
pub mod request;
pub mod selftest;
pub mod sign;
pub mod wire;

pub use cache::Cache;
pub use connect::{Network, NetworkError, Proxy, Resolver};
pub use endpoints::{EndpointError, Endpoints};
pub use engine::{Options, verify};
