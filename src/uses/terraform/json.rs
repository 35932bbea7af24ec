//! Terraform written as JSON: <https://developer.hashicorp.com/terraform/language/syntax/json>.

use super::hcl::{Attribute, Block, Body, Expression, template};
use super::module;
use crate::model::usage::Uses;
use crate::uses::File;
use crate::uses::notes::Notes;
use crate::uses::yaml::{Node, Yaml};

/// How many labels blocks of the first level have; others have none.
const LABELS: &[(&str, usize)] =
    &[("resource", 2), ("data", 2), ("ephemeral", 2), ("variable", 1), ("output", 1), ("module", 1), ("provider", 1)];

/// Reads a file. Every value of a block counts as one of its attributes, however deep it stands.
pub(super) fn read(file: File<'_>, mut notes: Notes) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut body = Body::default();
    for (key, value) in yaml.documents().flat_map(Node::entries) {
        let kind = key.text().unwrap_or_default();
        if file.path.ends_with(".tfvars.json") {
            let span = crate::model::usage::Span { start: key.span().start, end: value.span().end };
            body.attributes.push(Attribute { name: kind, value: Expression::default(), span });
            continue;
        }
        let labels = LABELS.iter().find(|(known, _)| *known == kind).map_or(0, |(_, labels)| *labels);
        blocks(kind, value, labels, &mut Vec::new(), &mut body.blocks);
    }
    let mut uses = module(file.path, &body, Notes::new(crate::model::usage::System::Terraform));
    notes.unread(yaml.unread());
    uses.unread.extend(notes.done().unread);
    uses
}

/// The blocks below a node that has some labels to come.
fn blocks<'y>(
    kind: &'y str,
    node: Node<'y>,
    left: usize,
    labels: &mut Vec<(&'y str, Node<'y>)>,
    all: &mut Vec<Block<'y>>,
) {
    for part in node.each() {
        if left == 0 {
            let mut body = Body::default();
            part.scalars(&mut |keys, scalar| {
                let name = keys.iter().rev().find(|key| !key.is_empty()).copied().unwrap_or_default();
                if let Some((text, base)) = scalar.raw() {
                    let names = template(text, base);
                    let value = Expression { text, span: scalar.span(), strings: vec![(text, base)], names };
                    body.attributes.push(Attribute { name, value, span: scalar.span() });
                }
            });
            let label = labels.last().map_or(part.span(), |(_, node)| node.span());
            let labels = labels.iter().map(|(label, _)| *label).collect();
            all.push(Block { kind, labels, body, span: part.span(), label });
            continue;
        }
        for (key, value) in part.entries() {
            labels.push((key.text().unwrap_or_default(), key));
            blocks(kind, value, left - 1, labels, all);
            labels.pop();
        }
    }
}
