//! Files of objects as Kubernetes has them: an object of any system may stand in each, and each is read by its own reader.

use memchr::memmem;

use super::templates::Filled;
use super::{File, argo, kubernetes, tekton};
use crate::model::usage::Uses;

/// Whether the name of a file says that it is YAML.
pub(in crate::uses) fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Whether a file is in the templates of a chart, by its path.
pub(in crate::uses) fn is_of_chart(path: &str) -> bool {
    path.contains("/templates/") || path.starts_with("templates/")
}

/// Whether a file is YAML that belongs to no chart.
pub(in crate::uses) fn is_plain(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    is_yaml(path) && !is_of_chart(path) && !name.starts_with("values") && name != "Chart.yaml"
}

/// Groups of the API whose objects are pipelines, and who reads them.
const PIPELINES: &[(&str, Objects)] = &[("tekton.dev/", tekton::objects_in), ("argoproj.io/", argo::objects_in)];

/// Reads the objects of a system, in a file whose templates may be covered up.
type Objects = fn(File<'_>, Option<&Filled<'_>>) -> Uses;

fn has(text: &[u8], group: &str) -> bool {
    memmem::find(text, group.as_bytes()).is_some()
}

/// Whether a text names a group whose objects are pipelines.
pub(in crate::uses) fn have_pipelines(text: &[u8]) -> bool {
    PIPELINES.iter().any(|(group, _)| has(text, group))
}

/// Reads every object of a file, whatever it turns out to be. To be called by no reader that this one calls.
pub(in crate::uses) fn every(file: File<'_>) -> Uses {
    let mut all = (kubernetes::READER.read)(file);
    pipelines(file, None, &mut all);
    all
}

/// Adds the objects of a file that are pipelines.
pub(in crate::uses) fn pipelines(file: File<'_>, filled: Option<&Filled<'_>>, all: &mut Uses) {
    for one in PIPELINES.iter().filter(|(group, _)| has(file.text, group)).map(|(_, objects)| objects(file, filled)) {
        all.uses.extend(one.uses);
        all.exposures.extend(one.exposures);
        all.scopes.extend(one.scopes);
        all.includes.extend(one.includes);
        all.unread.extend(one.unread);
    }
    all.sort();
}
