//! What libgit2 speaks to a server through, in place of all that it brings: a scheme of its own, which no URL of a user
//! has. It never sees the server's URL, so that nothing of it (its own http, ssh, local paths) can be reached by one.

use std::sync::{Arc, Mutex, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport, register};
use git2::{ConfigLevel, Error, opts};

use super::exchange::{Exchange, Stream};

const SCHEME: &str = "quell";
/// What libgit2 is told to fetch from.
pub(super) const URL: &str = "quell://remote";

/// The conversation that is going on. libgit2 keeps what it was given for as long as the process runs.
pub(super) type Current = Arc<Mutex<Option<Arc<Exchange>>>>;

/// Makes libgit2 read no configuration but that of the repository it is given, and speak through `current`. Once in a
/// process.
#[expect(unsafe_code, reason = "libgit2 keeps search paths and transports without a lock")]
pub(super) fn install(current: &Current) -> Result<(), Error> {
    let current = Arc::clone(current);
    let transport = move |remote: &git2::Remote<'_>| {
        let exchange = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let exchange = exchange.ok_or_else(|| Error::from_str("there is no conversation"))?;
        // Each request stands alone.
        Transport::smart(remote, true, Subtransport(exchange))
    };
    // SAFETY: both change tables of libgit2 without a lock, and must not run while it uses them. A process installs this
    // once, on its main thread, before its first clone; nothing else in quell opens a repository with libgit2 or looks up
    // a transport, and object databases, which it does open, read neither table.
    unsafe {
        for level in [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global] {
            opts::set_search_path(level, "")?;
        }
        register(SCHEME, transport)
    }
}

struct Subtransport(Arc<Exchange>);

impl SmartSubtransport for Subtransport {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, Error> {
        match action {
            Service::UploadPackLs => Ok(Box::new(Stream::first(&self.0))),
            Service::UploadPack => Ok(Box::new(Stream::pack(&self.0))),
            Service::ReceivePackLs | Service::ReceivePack => Err(Error::from_str("nothing is ever pushed")),
        }
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}
