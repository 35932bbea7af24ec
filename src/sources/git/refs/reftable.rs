//! One reftable: refs and their logs in prefix-compressed blocks. Versions 1 and 2, as git's technical documentation
//! (`reftable`) describes them.
//!
//! Blocks are read one after the other, from the front: no index is used, so that none can lead astray. Lengths are
//! checked against what is there before anything is taken.

use gix_zlib::{Decompress, FlushDecompress, Status};

use super::store::Value;
use crate::model::ObjectId;

/// What a table says.
pub(super) enum Record<'a> {
    /// A ref's name and value; none where it was deleted.
    Ref(&'a [u8], Option<Value>),
    /// A ref's name, the number of the change, and the ids before and after it; none where the entry was deleted.
    Log(&'a [u8], u64, Option<[ObjectId; 2]>),
}

/// Whom the records go to; it returns whether there is room for more.
pub(super) type Each<'a> = dyn FnMut(Record<'_>) -> bool + 'a;

/// What is wrong with a table, in words for a person.
pub(super) type Fault = &'static str;

const SHORT: Fault = "it ends within a record";

/// Reads a table and calls `each` for every record in it, refs first.
pub(super) fn read(table: &[u8], each: &mut Each<'_>) -> Result<(), Fault> {
    let header = Header::read(table)?;
    let footer_len = header.len + 44;
    let end = table.len().checked_sub(footer_len).ok_or("it is too short for a table")?;
    let footer = table.get(end..).unwrap_or_default();
    let (body, sum) = footer.split_at_checked(footer_len - 4).ok_or(SHORT)?;
    if footer.get(..header.len) != table.get(..header.len) || number(sum) != u64::from(crc32fast::hash(body)) {
        return Err("its footer is not that of its header, or its checksum is wrong");
    }
    let blocks = table.get(..end).unwrap_or_default();
    refs(&header, blocks, each)?;
    let position = footer.get(header.len + 24..header.len + 32).map_or(0, number);
    let log = match usize::try_from(position).unwrap_or(usize::MAX) {
        // A file of logs alone.
        0 if blocks.get(header.len) == Some(&b'g') => header.len,
        0 => return Ok(()),
        log => log,
    };
    logs(&header, blocks, log, each)
}

struct Header {
    /// Its bytes.
    len: usize,
    /// The size that blocks are padded to, or 0.
    block: usize,
    /// Bytes of an id.
    width: usize,
}

impl Header {
    fn read(table: &[u8]) -> Result<Self, Fault> {
        let start: &[u8; 8] = table.first_chunk().ok_or("it is too short for a table")?;
        let [b'R', b'E', b'F', b'T', version, block @ ..] = start else { return Err("it is not a reftable") };
        let block = usize::try_from(number(block)).unwrap_or(0);
        match (version, table.get(24..28)) {
            (1, _) => Ok(Self { len: 24, block, width: 20 }),
            (2, Some(b"sha1")) => Ok(Self { len: 28, block, width: 20 }),
            (2, Some(b"s256")) => Ok(Self { len: 28, block, width: 32 }),
            _ => Err("its version or its hash is unknown"),
        }
    }
}

/// Bytes in network order as a number.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Bytes that are taken from the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], Fault> {
        let len = usize::try_from(len).map_err(|_| SHORT)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of seven bits a byte, the highest first, as in offset deltas of packs.
    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0u64;
        for round in 0..10 {
            let byte = self.take(1)?.first().copied().unwrap_or(0);
            let more = if round == 0 { 0 } else { value.checked_add(1).ok_or(SHORT)? };
            value = more.checked_mul(128).ok_or("it has a number that is too large")? | u64::from(byte & 127);
            if byte & 128 == 0 {
                return Ok(value);
            }
        }
        Err("it has a number that is too large")
    }

    fn id(&mut self, width: usize) -> Result<ObjectId, Fault> {
        ObjectId::new(self.take(width as u64)?).ok_or(SHORT)
    }

    /// Reads a record's key, which starts as the one before it did, and the three bits beside its length.
    fn key(&mut self, key: &mut Vec<u8>) -> Result<u8, Fault> {
        let shared = usize::try_from(self.varint()?).ok().filter(|n| *n <= key.len()).ok_or(SHORT)?;
        let suffix = self.varint()?;
        key.truncate(shared);
        key.extend_from_slice(self.take(suffix >> 3)?);
        Ok((suffix & 7) as u8)
    }
}

/// The records of a block: what is between its four bytes of header and its table of restarts.
fn records(block: &[u8], header: usize) -> Result<&[u8], Fault> {
    let count = block.last_chunk::<2>().map_or(0, |c| number(c) as usize);
    let end = block.len().checked_sub(2 + 3 * count).ok_or(SHORT)?;
    block.get(header + 4..end).ok_or(SHORT)
}

fn refs(header: &Header, blocks: &[u8], each: &mut Each<'_>) -> Result<(), Fault> {
    // The first block shares its bytes with the file's header.
    let (mut start, mut skip) = (0, header.len);
    while blocks.get(start + skip) == Some(&b'r') {
        let rest = blocks.get(start..).unwrap_or_default();
        let len = rest.get(skip + 1..skip + 4).map_or(0, number) as usize;
        let block = rest.get(..len).filter(|b| b.len() > skip + 4).ok_or("it has a block that does not fit")?;
        let (mut cursor, mut key) = (Cursor(records(block, skip)?), Vec::new());
        while !cursor.0.is_empty() {
            let kind = cursor.key(&mut key)?;
            cursor.varint()?;
            let value = match kind {
                0 => None,
                1 => Some(Value::Id(cursor.id(header.width)?, None)),
                2 => Some(Value::Id(cursor.id(header.width)?, Some(cursor.id(header.width)?))),
                3 => {
                    let len = cursor.varint()?;
                    Some(Value::Symbolic(cursor.take(len)?.to_vec()))
                }
                _ => return Err("it has a ref of an unknown kind"),
            };
            if !each(Record::Ref(&key, value)) {
                return Ok(());
            }
        }
        // A block is padded with zeros, unless it is the last one of its section.
        let padded = header.block > len && rest.get(len) == Some(&0);
        start += if padded { header.block } else { len };
        skip = 0;
    }
    Ok(())
}

fn logs(header: &Header, blocks: &[u8], from: usize, each: &mut Each<'_>) -> Result<(), Fault> {
    let mut start = from;
    while let Some([b'g', len @ ..]) = blocks.get(start..).and_then(|b| b.first_chunk::<4>()) {
        let len = (number(len) as usize).checked_sub(4).ok_or("it has a block that does not fit")?;
        let (block, used) = inflate(blocks.get(start + 4..).unwrap_or_default(), len)?;
        let end = block.last_chunk::<2>().map_or(0, |c| number(c) as usize);
        let end = block.len().checked_sub(2 + 3 * end).ok_or(SHORT)?;
        let (mut cursor, mut key) = (Cursor(block.get(..end).unwrap_or_default()), Vec::new());
        while !cursor.0.is_empty() {
            let kind = cursor.key(&mut key)?;
            let ids = match kind {
                0 => None,
                1 => Some(log_data(&mut cursor, header.width)?),
                _ => return Err("it has a log of an unknown kind"),
            };
            let (name, index) = key.split_last_chunk::<8>().ok_or(SHORT)?;
            let name = name.strip_suffix(b"\0").unwrap_or(name);
            if !each(Record::Log(name, number(index), ids)) {
                return Ok(());
            }
        }
        start += 4 + used;
    }
    Ok(())
}

/// The ids of a log's entry; who did it, when and why is gone over.
fn log_data(cursor: &mut Cursor<'_>, width: usize) -> Result<[ObjectId; 2], Fault> {
    let ids = [cursor.id(width)?, cursor.id(width)?];
    for part in 0..3 {
        // The name, the address; the time and its zone; the message.
        if part == 2 {
            cursor.varint()?;
            cursor.take(2)?;
        }
        let len = cursor.varint()?;
        cursor.take(len)?;
    }
    Ok(ids)
}

/// Inflates a block of at most 16 MiB, the most that its length can say; returns it and what it took of the input.
fn inflate(input: &[u8], len: usize) -> Result<(Vec<u8>, usize), Fault> {
    const BROKEN: Fault = "it has a zlib stream that is broken";
    let mut state = Decompress::new();
    let mut out = vec![0; len];
    let (mut read, mut made) = (0, 0);
    loop {
        let rest = input.get(read..).unwrap_or_default();
        let space = out.get_mut(made..).unwrap_or_default();
        let status = state.decompress(rest, space, FlushDecompress::None).map_err(|_| BROKEN)?;
        let (before_read, before_made) = (read, made);
        (read, made) = (state.total_in() as usize, state.total_out() as usize);
        if status == Status::StreamEnd {
            return if made == len { Ok((out, read)) } else { Err(BROKEN) };
        }
        if (read, made) == (before_read, before_made) {
            return Err(BROKEN);
        }
    }
}
