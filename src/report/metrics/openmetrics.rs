//! OpenMetrics text 1.0: a gauge for each figure, with the slice as labels `dimension` and `slice`.

use std::io::{self, Write};

use super::super::escape::terminal;
use super::flat::{FAMILIES, Figure, parts};
use crate::metrics::Measured;
use crate::model::Untrusted;

pub(super) fn write(measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    let parts = parts(measured);
    for family in FAMILIES {
        let name = family.name;
        let of_family = |figure: &&Figure| figure.name == name;
        if !parts.iter().any(|part| part.figures.iter().any(|figure| of_family(&figure))) {
            continue;
        }
        writeln!(out, "# TYPE quell_{name} gauge")?;
        if !family.unit.is_empty() {
            writeln!(out, "# UNIT quell_{name} {}", family.unit)?;
        }
        writeln!(out, "# HELP quell_{name} {}", family.help)?;
        for part in &parts {
            let unknown = Untrusted::from("");
            let slice = part.slice.map(|(dimension, slice)| (dimension, slice.as_ref().unwrap_or(&unknown)));
            for figure in part.figures.iter().filter(of_family) {
                let mut labels: Vec<String> = slice
                    .iter()
                    .flat_map(|(by, slice)| [format!("dimension=\"{by}\""), format!("slice=\"{}\"", label(slice))])
                    .collect();
                labels.extend(figure.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))));
                let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                writeln!(out, "quell_{name}{labels} {}", figure.value)?;
            }
        }
    }
    out.write_all(b"# EOF\n")
}

/// The value of a label: what ends it or its line is escaped, what cannot be seen is written out.
fn label(value: &Untrusted) -> String {
    terminal(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
