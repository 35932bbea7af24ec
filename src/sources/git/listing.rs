//! The ids of all objects, without reading one.

use super::loose;
use super::repository::Repository;
use crate::model::ObjectId;

/// Calls `each` with the id of every object of a repository, in an order that is the same as long as its packs and loose
/// objects are; with one that stands in several places more than once. What cannot be listed is left out: a walk names it.
pub fn each_id(repository: &Repository, mut each: impl FnMut(&ObjectId)) {
    for found in &repository.store().packs {
        let objects = 0..u32::try_from(found.index.len()).unwrap_or(u32::MAX);
        objects.filter_map(|object| found.index.id(object)).for_each(|id| each(&id));
    }
    let mut ids = Vec::new();
    for directory in repository.directories() {
        loose::list(directory, repository.format(), &mut ids);
    }
    ids.sort_unstable();
    ids.iter().for_each(each);
}
