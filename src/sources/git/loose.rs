//! Loose objects: one file each, a zlib stream of the kind, the size, a zero byte and the content.

use super::directories::Directory;
use super::fault::Fault;
use super::inflate::Stream;
use super::object::ObjectKind;
use super::repository::ObjectFormat;
use crate::model::ObjectId;

use std::io::Read;

/// The longest header: `commit`, a space, 20 digits, a zero byte.
const HEADER: usize = 32;
/// Bytes of the file that are read at once.
const STEP: usize = 1 << 16;

/// The header of a loose object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: ObjectKind,
    pub(super) size: u64,
}

/// The ids of all loose objects of a directory. A name that is no id is none; it is what git leaves while it writes.
pub(super) fn list(directory: &Directory, format: ObjectFormat, ids: &mut Vec<ObjectId>) -> Vec<(String, Fault)> {
    let mut faults = Vec::new();
    for first in 0..=255u8 {
        let name = format!("{first:02x}");
        if let Err(fault) = list_below(directory, &name, format, |id| ids.push(id)) {
            faults.push((name, fault));
        }
    }
    faults
}

/// Calls `each` with the ids of the loose objects that start with two digits.
pub(super) fn list_below(
    directory: &Directory,
    digits: &str,
    format: ObjectFormat,
    mut each: impl FnMut(ObjectId),
) -> Result<(), Fault> {
    directory.list(digits, |file, _| {
        let id = ObjectId::from_hex(&[digits.as_bytes(), file].concat());
        id.filter(|id| id.as_bytes().len() == format.len()).into_iter().for_each(&mut each);
    })
}

/// The directory and the file name of a loose object.
pub(super) fn place(id: &ObjectId) -> (String, String) {
    let mut name = id.to_string();
    let file = name.split_off(2);
    (name, file)
}

/// Opens a loose object and reads its header; `None` where the directory has none of this id. The stream has the content
/// and nothing else.
#[expect(clippy::type_complexity, reason = "the stream's type has no name")]
pub(super) fn open(
    directory: &Directory,
    id: &ObjectId,
) -> Result<Option<(Header, Stream<impl FnMut(&mut Vec<u8>) -> Result<(), Fault> + use<>>)>, Fault> {
    let (below, name) = place(id);
    let Some(mut file) = directory.file(&below, name.as_bytes())? else { return Ok(None) };
    let mut stream = Stream::new(u64::MAX, Vec::new(), move |input: &mut Vec<u8>| {
        input.resize(STEP, 0);
        let n = file.read(input)?;
        input.truncate(n);
        Ok(())
    });
    let mut text = Vec::with_capacity(HEADER);
    let mut byte = [0];
    while text.len() < HEADER {
        if stream.fill(&mut byte)? == 0 || byte == [0] {
            break;
        }
        text.extend_from_slice(&byte);
    }
    let header = parse(&text).ok_or(Fault::Corrupt("its header is none"))?;
    stream.expect(header.size);
    Ok(Some((header, stream)))
}

fn parse(text: &[u8]) -> Option<Header> {
    let space = text.iter().position(|b| *b == b' ')?;
    let (kind, size) = text.split_at(space);
    let kind = match kind {
        b"commit" => ObjectKind::Commit,
        b"tree" => ObjectKind::Tree,
        b"blob" => ObjectKind::Blob,
        b"tag" => ObjectKind::Tag,
        _ => return None,
    };
    let digits = size.get(1..)?;
    let size = std::str::from_utf8(digits).ok()?.parse().ok().filter(|_| digits.first() != Some(&b'+'))?;
    Some(Header { kind, size })
}
