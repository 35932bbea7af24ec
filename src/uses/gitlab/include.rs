//! Files that a pipeline of GitLab takes in, and those of others that can change under it. Source: <https://docs.gitlab.com/ci/yaml/#include>.

use std::sync::Arc;

use crate::model::Confidence;
use crate::model::usage::{Context, Door};
use crate::uses::pen::Pen;
use crate::uses::yaml::Node;

use super::job::Document;
use super::names::{filled, store};

/// Notes the entries of `include`. `sure` is how sure it is that what they bring can read a secret.
pub(super) fn includes(
    pen: &mut Pen,
    document: &Document<'_>,
    node: Node<'_>,
    context: &Arc<Context>,
    sure: Confidence,
) {
    for one in document.resolve(node).each() {
        let one = document.resolve(one);
        match one.text() {
            Some(text) if is_address(text) => remote(pen, one, None, context, sure),
            Some(_) => local(pen, one),
            None => entry(pen, document, one, context, sure),
        }
    }
}

fn is_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

fn local(pen: &mut Pen, node: Node<'_>) {
    let Some(text) = node.text() else { return };
    let path = text.trim_start_matches('/');
    // What the pipeline fills in is not known here.
    let path = Some(path).filter(|path| !path.contains('$') && !path.is_empty());
    pen.notes.includes(text, path, node.span());
}

fn remote(pen: &mut Pen, node: Node<'_>, integrity: Option<Node<'_>>, context: &Arc<Context>, sure: Confidence) {
    let text = node.text().unwrap_or_default();
    pen.notes.includes(text, None, node.span());
    let pinned = integrity.is_some() || text.contains('$') || text.split('/').any(is_commit);
    if !pinned {
        pen.exposes(Door::Unpinned, None, node.span(), context, sure);
    }
}

fn entry(pen: &mut Pen, document: &Document<'_>, one: Node<'_>, context: &Arc<Context>, sure: Confidence) {
    if let Some(path) = one.get("local") {
        local(pen, path);
    } else if let Some(address) = one.get("remote") {
        remote(pen, address, one.get("integrity"), context, sure);
    } else if let Some(project) = one.get("project") {
        of_project(pen, project, one, context, sure);
    } else if let Some(component) = one.get("component") {
        let text = component.text().unwrap_or_default();
        pen.notes.includes(text, None, component.span());
        let own = text.contains("CI_PROJECT_PATH");
        let version = text.rsplit_once('@').map(|(_, version)| version);
        if !own && !version.is_some_and(is_pinned) {
            let context = acting(pen, context, text);
            pen.exposes(Door::Unpinned, None, component.span(), &context, sure);
        }
    } else {
        let other = ["template", "artifact", "file"].iter().find_map(|key| one.get(key));
        if let Some(text) = other.and_then(Node::text) {
            let span = other.map(Node::span).unwrap_or_default();
            pen.notes.includes(text, None, span);
        }
    }
    let what = ["component", "project", "remote", "local"].iter().find_map(|key| one.word(key)).unwrap_or_default();
    let context = acting(pen, context, what);
    document.walk(one, &mut Vec::new(), &mut |keys, scalar| {
        let variable = if keys.first() == Some(&"inputs") { keys.last().copied() } else { None };
        let Some((raw, base)) = scalar.raw() else { return };
        for (name, span) in filled(raw, base) {
            if let Some(store) = store(name) {
                pen.uses(name, store, variable, span, &context);
            }
        }
    });
}

fn acting(pen: &mut Pen, context: &Arc<Context>, action: &str) -> Arc<Context> {
    pen.context(Context { action: Some(action.into()), ..(**context).clone() })
}

/// Files of another project: without `ref` they are those of its main branch.
fn of_project(pen: &mut Pen, project: Node<'_>, one: Node<'_>, context: &Arc<Context>, sure: Confidence) {
    let name = project.text().unwrap_or_default();
    let at = one.get("ref");
    for file in one.get("file").map(Node::each).unwrap_or_default() {
        let what = format!("{name}:{}", file.text().unwrap_or_default().trim_start_matches('/'));
        pen.notes.includes(&what, None, file.span());
    }
    if !name.contains("CI_PROJECT_PATH") && !at.and_then(Node::text).is_some_and(is_pinned) {
        let span = at.unwrap_or(project).span();
        let context = acting(pen, context, name);
        pen.exposes(Door::Unpinned, None, span, &context, sure);
    }
}

/// Whether a version stays what it is: a commit, a whole version. What the pipeline fills in is not known, and is not told.
fn is_pinned(version: &str) -> bool {
    let version = version.trim();
    let numbers = version.trim_start_matches(['v', 'V']);
    let is_whole =
        numbers.split(['-', '+']).next().unwrap_or_default().split('.').filter(|part| !part.is_empty()).count() >= 3;
    version.contains('$') || is_commit(version) || (is_whole && numbers.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether it is a whole commit.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
