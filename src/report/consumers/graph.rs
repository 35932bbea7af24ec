//! The map as a graph: secrets, who uses them, and the environments that they run in. As DOT, the language of Graphviz
//! (graphviz.org/doc/info/lang.html), and as SVG.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::rows;
use crate::model::Untrusted;
use crate::model::usage::Consumers;
use crate::report::escape::{terminal, xml};

/// A language of graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// For Graphviz.
    Dot,
    /// For a browser.
    Svg,
}

impl Drawing {
    /// Every language with its name on the command line.
    pub const ALL: &'static [(&'static str, Self)] = &[("dot", Self::Dot), ("svg", Self::Svg)];
}

/// The columns: secrets, users, environments.
#[derive(Debug, Default)]
struct Graph {
    nodes: [BTreeMap<String, usize>; 3],
    /// From a node of a column to one of the next, by number.
    edges: std::collections::BTreeSet<(usize, usize, usize)>,
}

impl Graph {
    fn of(consumers: &Consumers) -> Self {
        let mut graph = Self::default();
        for row in rows(consumers) {
            let named: Vec<String> = row.user.iter().flatten().map(|value| label(value)).collect();
            // Code has no job: its file is who uses it.
            let file = || row.places.first().map(|place| label(&place.path)).unwrap_or_default();
            let user = if named.is_empty() { file() } else { named.join(" / ") };
            let secret = graph.node(0, label(row.name));
            let user = graph.node(1, user);
            graph.edges.insert((0, secret, user));
            if let Some(environment) = row.environment {
                let environment = graph.node(2, label(environment));
                graph.edges.insert((1, user, environment));
            }
        }
        graph
    }

    fn node(&mut self, column: usize, name: String) -> usize {
        let Some(nodes) = self.nodes.get_mut(column) else { return 0 };
        let next = nodes.len();
        *nodes.entry(name).or_insert(next)
    }

    /// The names of a column in their order, each with its number and its place.
    fn column(&self, column: usize) -> impl Iterator<Item = (usize, usize, &str)> {
        let nodes = self.nodes.get(column).into_iter().flatten();
        nodes.enumerate().map(|(place, (name, number))| (*number, place, name.as_str()))
    }
}

/// The longest label, in characters.
const LONGEST: usize = 60;

fn label(value: &Untrusted) -> String {
    let text = terminal(value);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Writes the graph.
///
/// # Errors
/// The writer's.
pub fn draw(consumers: &Consumers, drawing: Drawing, out: &mut dyn Write) -> io::Result<()> {
    let graph = Graph::of(consumers);
    match drawing {
        Drawing::Dot => dot(&graph, out),
        Drawing::Svg => svg(&graph, out),
    }
}

fn dot(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph consumers {{\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];")?;
    for (column, shape) in ["box, style=filled, fillcolor=\"#fde8c8\"", "box", "ellipse"].into_iter().enumerate() {
        for (number, _, name) in graph.column(column) {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            writeln!(out, "  n{column}_{number} [label=\"{name}\", shape={shape}];")?;
        }
    }
    for (column, from, to) in &graph.edges {
        writeln!(out, "  n{column}_{from} -> n{}_{to};", column + 1)?;
    }
    writeln!(out, "}}")
}

/// Heights and widths, in pixels.
const ROW: usize = 34;
const BOX: usize = 24;
const CHARACTER: usize = 8;
const GAP: usize = 120;
const EDGE: usize = 20;

fn svg(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    let longest = |column: usize| graph.column(column).map(|(.., name)| name.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..3).map(|column| longest(column) * CHARACTER + 16).collect();
    let left = |column: usize| EDGE + widths.iter().take(column).map(|width| width + GAP).sum::<usize>();
    let rows = graph.nodes.iter().map(BTreeMap::len).max().unwrap_or(0);
    let (width, height) = (left(3).saturating_sub(GAP) + EDGE, rows * ROW + 2 * EDGE);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"monospace\" font-size=\"13\">\n<title>Who consumes which secret</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    )?;
    let places: Vec<BTreeMap<usize, usize>> =
        (0..3).map(|column| graph.column(column).map(|(number, place, _)| (number, place)).collect()).collect();
    let middle = |column: usize, number: usize| {
        let place = places.get(column).and_then(|places| places.get(&number)).copied().unwrap_or(0);
        EDGE + place * ROW + BOX / 2
    };
    for (column, from, to) in &graph.edges {
        let (x, y) = (left(*column) + widths.get(*column).copied().unwrap_or(0), middle(*column, *from));
        let (x2, y2) = (left(column + 1), middle(column + 1, *to));
        let bend = (x + x2) / 2;
        writeln!(out, "<path d=\"M{x} {y}C{bend} {y} {bend} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#999\"/>")?;
    }
    for (column, fill) in ["#fde8c8", "#eef3fb", "#e6f4e6"].into_iter().enumerate() {
        let (x, width) = (left(column), widths.get(column).copied().unwrap_or(0));
        for (_, place, name) in graph.column(column) {
            let y = EDGE + place * ROW;
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX}\" rx=\"4\" fill=\"{fill}\" stroke=\"#777\"/>\
                 <text x=\"{}\" y=\"{}\">{}</text>",
                x + 8,
                y + BOX - 7,
                xml(name)
            )?;
        }
    }
    writeln!(out, "</svg>")
}
