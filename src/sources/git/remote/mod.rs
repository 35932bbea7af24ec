//! Brings all refs and objects of a repository on a server into a directory, over https alone.
//!
//! The server is not trusted. `address` says which URLs are taken, `web` how a server is spoken to (its certificate, no
//! proxy, no redirect but on the first request), `exchange` makes the two requests that a clone needs, checks what they
//! answer and counts what comes. libgit2 agrees on what is sent and checks and stores the pack (`transport`); it reads no
//! configuration, and sees neither the URL nor the token. `advertisement` reads which refs there are, and `mirror` puts
//! all of it into a bare repository. No git process is started.

mod address;
mod advertisement;
mod exchange;
mod mirror;
mod transport;
mod web;

pub use address::{Address, AddressError};
pub use mirror::{Cloner, Mirror};
pub use web::Web;

use crate::model::counted;

/// Why a repository could not be cloned. What a server said is quoted in one line of at most 200 characters, and
/// passes the escaper of the sink that it goes to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RemoteError {
    /// No connection came about, or it broke.
    #[error("the server cannot be reached: {0}")]
    Connection(String),
    /// Its certificate is signed by nobody who is trusted, or is not its own.
    #[error(
        "the server's certificate is not trusted: {0}; for an authority of your own, name its certificate with --ca-file"
    )]
    Certificate(String),
    /// Nothing came for a while, or too little in all.
    #[error("the server took too long: {0}")]
    Timeout(String),
    /// A status that says that there is nothing, or nothing for us.
    #[error("the server answers {0}: the repository does not exist, or a token is needed that may read it")]
    NotFound(u16),
    /// Any other status.
    #[error("the server answers {0}")]
    Status(u16),
    /// A redirect that is not followed.
    #[error("the server redirects {0}; name the repository's own URL")]
    Redirect(&'static str),
    /// Something else than a repository.
    #[error("this is no git repository: the server answers with `{0}`")]
    Type(String),
    /// An answer that is not what the protocol says.
    #[error("the server's answer is broken: {0}")]
    Broken(String),
    /// More than is taken.
    #[error("it has more than {} (--max-clone-size)", counted(*.0, "byte", "bytes"))]
    TooLarge(u64),
    /// The mirror cannot be written.
    #[error("it cannot be stored: {0}")]
    Storage(String),
    /// The client cannot be set up.
    #[error("{0}")]
    Setup(String),
}

/// How many characters of a server's text are quoted.
const QUOTED: usize = 200;

/// A server's text, cut and on one line.
fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}
