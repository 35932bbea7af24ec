//! Sources × detect, in parallel: from bytes to findings.
//!
//! `file` runs detection over the parts of a file and turns candidates into places (`sighting`); `lines` counts
//! lines and columns; `paths` knows tests and source code by their paths; `merge` resolves what overlaps in a file; `markers` knows the words by
//! which a line allows its secret;
//! `companions` joins the parts of a credential; `join` makes one finding of all sightings of a credential; `conceal` takes
//! secrets out of the names that a report shows, and `names` finds them in those of files; `engine`
//! runs it all. `changes` scans what a change brings in (`touched` says which sightings stand in it), and `unstaged` what of
//! a work tree is not staged. `history` scans a whole repository: `search` sees its objects, most
//! of them as deltas (`delta`), `versions` chooses what is named of it, `narrow` says what is asked for, and `cache` keeps what a later
//! scan need not read. `consumers` reads who uses which secret while files come by, and `includes` finds the files that they take in. `asked` reads a line again for the person who asks about it.

mod asked;
mod cache;
mod changes;
mod companions;
mod conceal;
mod consumers;
mod delta;
mod engine;
mod file;
mod history;
mod includes;
mod join;
mod lines;
mod markers;
mod merge;
mod names;
mod narrow;
mod paths;
mod search;
mod sighting;
mod touched;
mod unstaged;
mod versions;

pub use asked::{Asked, asked};
pub use cache::{Cache, CacheError};
pub use changes::{Arrived, Outcome, pushed, range, staged};
pub use consumers::Consumption;
pub use delta::{Anchors, Deltas};
pub use engine::{MAX_MATCHES, Markers, Progress, ScanOptions, Target, scan};
pub use file::MARGINS;
pub use history::{HistoryError, history};
pub use join::kind;
pub use narrow::{Narrow, NarrowError};
pub use unstaged::unstaged;
