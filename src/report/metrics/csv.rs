//! CSV (RFC 4180): a row for each figure of each slice. Columns: `dimension` and `slice` (both empty for the whole; an empty
//! slice of a dimension is the one that is not known), `metric`, `labels` (`name=value`, several with a semicolon), `unit`
//! (empty for counts), `value`.

use std::io::{self, Write};

use super::super::escape::csv;
use super::flat::{FAMILIES, Figure, parts};
use crate::metrics::Measured;
use crate::model::Untrusted;

pub(super) fn write(measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"dimension,slice,metric,labels,unit,value\r\n")?;
    for part in parts(measured) {
        let (dimension, slice) = part.slice.map_or(("", None), |(dimension, slice)| (dimension, slice.as_ref()));
        let slice = slice.map(csv).unwrap_or_default();
        for figure in &part.figures {
            let unit = FAMILIES.iter().find(|family| family.name == figure.name).map_or("", |family| family.unit);
            let (labels, value) = (csv(&labels(figure)), figure.value);
            write!(out, "{dimension},{slice},{},{labels},{unit},{value}\r\n", figure.name)?;
        }
    }
    Ok(())
}

fn labels(figure: &Figure) -> Untrusted {
    let mut text = Vec::new();
    for (name, value) in &figure.labels {
        let separator: &[u8] = if text.is_empty() { b"" } else { b";" };
        text.extend([separator, name.as_bytes(), b"=", value.raw()].concat());
    }
    Untrusted::new(&text)
}
